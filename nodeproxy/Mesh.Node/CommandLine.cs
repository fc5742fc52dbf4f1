using Mesh.Interop.Linux;
using Mesh.Interop.OpenSsl;
using Mesh.Node.Capture;
using Mesh.Node.Proxy.Telemetry;

namespace Mesh.Node;

/// <summary>Which of the node's processes this is to be.</summary>
internal static class CommandLine
{
    /// <summary>The process did what it was asked.</summary>
    public const int Success = 0;

    /// <summary>It was asked and could not.</summary>
    public const int Failure = 1;

    /// <summary>It was not asked in a way it understands.</summary>
    public const int Usage = 2;

    private const string Help = $"""
        mesh-node: the data plane of one node.

        Usage:
          mesh-node proxy --config FILE            carries the traffic of the pods of this node
          mesh-node agent --config FILE            captures pods and hands them to the proxy
          mesh-node agent --remove --netns PATH    removes every capture rule from one network namespace
          mesh-node cni remove --config FILE [--stay]
                                                   takes the CNI plug-in off the host, which has no agent any more;
                                                   --stay waits then to be stopped
        {ExplainCommand.Help}
          mesh-node --version

        FILE is JSON; nodeproxy/docs/configuration.md has its keys.
        """;

    public static async Task<int> RunAsync(string[] args)
    {
        try
        {
            switch (args)
            {
                case ["proxy", "--config", { Length: > 0 } file]:
                    return await RunAsync(file, ProxyCommand.RunAsync);
                case ["agent", "--config", { Length: > 0 } file]:
                    return await RunAsync(file, AgentCommand.RunAsync);
                case ["agent", "--remove", "--netns", { Length: > 0 } path]:
                    return await AgentCommand.RemoveAsync(path);
                case ["cni", "remove", "--config", { Length: > 0 } file]:
                    return await RunAsync(file, configuration => AgentCommand.RemovePluginAsync(configuration, stays: false));
                case ["cni", "remove", "--config", { Length: > 0 } file, "--stay"]:
                    return await RunAsync(file, configuration => AgentCommand.RemovePluginAsync(configuration, stays: true));
                case ["explain", .. string[] options]:
                    return await ExplainCommand.RunAsync(options);
                case ["--version"]:
                    await Console.Out.WriteLineAsync($"mesh-node {NodeTelemetry.Version}");
                    return Success;
                case ["--help" or "-h"] or []:
                    await Console.Out.WriteLineAsync(Help);
                    return args.Length == 0 ? Usage : Success;
                default:
                    await Console.Error.WriteLineAsync($"mesh-node: '{string.Join(' ', args)}' is not a command.\n\n{Help}");
                    return Usage;
            }
        }
        catch (NodeConfigurationException wrong)
        {
            await Console.Error.WriteLineAsync($"mesh-node: {wrong.Message}");
            return Failure;
        }
    }

    /// <summary>Runs a process with its file. What the file asks for and this machine has not is said like what is wrong in it.</summary>
    private static async Task<int> RunAsync(string file, Func<NodeConfiguration, Task<int>> run)
    {
        NodeConfiguration configuration = NodeConfiguration.Read(file);
        try
        {
            return await run(configuration);
        }
        catch (Exception refused) when (refused is NodeConfigurationException or TlsConfigurationException or CaptureException
            or PosixException or IOException)
        {
            throw new NodeConfigurationException($"{file}: {refused.Message}", refused);
        }
    }
}
