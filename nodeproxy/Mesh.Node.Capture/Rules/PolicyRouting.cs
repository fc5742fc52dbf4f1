using System.Net.Sockets;
using Mesh.Interop.Linux;

namespace Mesh.Node.Capture.Rules;

/// <summary>Puts the routing rule and the local route into a namespace, reads them back and removes them.</summary>
internal sealed class PolicyRouting(NamespaceTools tools)
{
    /// <summary>Each difference from what must be, for an operator.</summary>
    public async Task<IReadOnlyList<string>> CompareAsync(NetNamespace network, CancellationToken cancellation)
    {
        List<string> differences = [];
        foreach (AddressFamily family in NamespaceSettings.RoutedFamilies(network))
        {
            PolicyRoutingState state = await ReadAsync(network, family, cancellation);
            differences.AddRange(PolicyRoutingText.Differences(state, NamespaceSettings.NameOf(family)));
        }

        return differences;
    }

    /// <summary>Adds what is missing and removes what is there twice. Routes of others in our table stay, and stay a difference.</summary>
    /// <exception cref="CaptureException">The kernel refused; the message has the words of <c>ip</c>.</exception>
    public async Task ApplyAsync(NetNamespace network, CancellationToken cancellation)
    {
        foreach (AddressFamily family in NamespaceSettings.RoutedFamilies(network))
        {
            PolicyRoutingState state = await ReadAsync(network, family, cancellation);
            await ChangeAsync(network, family, PolicyRoutingText.WriteRepair(state), cancellation);
        }
    }

    /// <summary>Removes what is ours.</summary>
    public async Task RemoveAsync(NetNamespace network, CancellationToken cancellation)
    {
        foreach (AddressFamily family in NamespaceSettings.FamiliesOfThisKernel())
        {
            PolicyRoutingState state = await ReadAsync(network, family, cancellation);
            await ChangeAsync(network, family, PolicyRoutingText.WriteRemoval(state), cancellation);
        }
    }

    private static string Option(AddressFamily family) => family == AddressFamily.InterNetwork ? "-4" : "-6";

    private async Task<PolicyRoutingState> ReadAsync(NetNamespace network, AddressFamily family, CancellationToken cancellation)
    {
        // Numbers, because table 100 may have a name on this node.
        string[] arguments = ["-N", Option(family), "-batch", "-"];
        ToolResult result = await tools.RunAsync(network, "ip", arguments, PolicyRoutingText.Query, cancellation);

        // A table nobody ever put a route into does not exist, which the last of the queries then says.
        bool hasNoTable = result.Status != 0 && result.Errors.Contains("FIB table does not exist", StringComparison.Ordinal);
        return PolicyRoutingText.Parse(hasNoTable ? result.Output : result.OutputOrThrow());
    }

    private async Task ChangeAsync(NetNamespace network, AddressFamily family, string commands, CancellationToken cancellation)
    {
        if (commands.Length > 0)
        {
            (await tools.RunAsync(network, "ip", [Option(family), "-batch", "-"], commands, cancellation)).OutputOrThrow();
        }
    }
}
