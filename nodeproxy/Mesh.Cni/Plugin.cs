using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Mesh.Cni.Contract;

namespace Mesh.Cni;

/// <summary>
/// The CNI plugin: hands what the runtime says to the node's agent and waits, so that no pod starts before its traffic is captured. Pods
/// that are never captured start without asking, the agent's own among them.
/// </summary>
/// <remarks>
/// A pod that may be enrolled and whose agent is away is not started: the error asks to be tried again, and the kubelet does so. What it
/// would have sent meanwhile would have been plaintext that no policy has seen, and nobody would have noticed.
/// </remarks>
internal static class Plugin
{
    /// <summary>Serves one invocation.</summary>
    /// <param name="environment">The value of an environment variable; null where it is not set.</param>
    /// <param name="input">Standard input.</param>
    /// <param name="output">Standard output: a result, or an error object.</param>
    /// <param name="clock">Measures how long the agent is waited for.</param>
    /// <returns>The exit status: 0, or 1 with an error object.</returns>
    public static int Run(Func<string, string?> environment, Stream input, Stream output, TimeProvider clock)
    {
        string version = CniVersions.Newest;
        try
        {
            Write(output, Serve(environment, input, clock, ref version));
            return 0;
        }
        catch (CniException failed)
        {
            Write(output, ErrorObject(version, failed.Code, failed.Message, failed.Details));
        }
        catch (IOException failed)
        {
            Write(output, ErrorObject(version, CniErrorCode.InputOutput, "mesh-cni cannot read its standard input.", failed.Message));
        }
        catch (Exception fault)
        {
            // The runtime reads standard output and nothing else: what is not said there is said nowhere.
            Write(output, ErrorObject(version, CniErrorCode.Internal, "mesh-cni failed by a fault of its own.", fault.ToString()));
        }

        return 1;
    }

    private static string Serve(Func<string, string?> environment, Stream input, TimeProvider clock, ref string version)
    {
        Invocation invocation = new(environment);
        if (invocation.Command == "VERSION")
        {
            return CniVersions.Answer(NetworkConfiguration.ReadVersion(input));
        }

        if (invocation.Command is not ("ADD" or "DEL" or "CHECK" or "GC" or "STATUS"))
        {
            throw new CniException(
                CniErrorCode.InvalidEnvironment,
                invocation.Command.Length == 0 ? "CNI_COMMAND is missing." : $"CNI_COMMAND is {invocation.Command}, which is no command.",
                "mesh-cni is a CNI plugin: container runtimes run it.");
        }

        if (invocation.Command == "DEL")
        {
            Delete(invocation, input, clock);
            return "";
        }

        NetworkConfiguration configuration = NetworkConfiguration.Read(input);
        CniVersions.Require(configuration.CniVersion);
        version = configuration.CniVersion;
        switch (invocation.Command)
        {
            case "ADD":
                return Add(invocation, configuration, clock);
            case "CHECK":
                CniVersions.RequireFor("CHECK", version, since: "0.4.0");
                Check(invocation, configuration, clock);
                return "";
            case "GC":
                CniVersions.RequireFor("GC", version, since: "1.1.0");
                CollectGarbage(configuration, clock);
                return "";
            default:
                CniVersions.RequireFor("STATUS", version, since: "1.1.0");
                Status(configuration, clock);
                return "";
        }
    }

    private static string Add(Invocation invocation, NetworkConfiguration configuration, TimeProvider clock)
    {
        CniRequest request = invocation.ReadAttachment(CniCommand.Add, configuration.Name, requiresNamespace: true);
        JsonElement result = PreviousResult.Require(configuration);
        request.Addresses = PreviousResult.AddressesOf(result);
        string answer = PreviousResult.Answer(result, configuration.CniVersion);
        AskUnlessExempt(request, configuration.MeshNode, clock);
        return answer;
    }

    private static void Check(Invocation invocation, NetworkConfiguration configuration, TimeProvider clock)
    {
        CniRequest request = invocation.ReadAttachment(CniCommand.Check, configuration.Name, requiresNamespace: true);
        request.Addresses = PreviousResult.AddressesOf(PreviousResult.Require(configuration));
        AskUnlessExempt(request, configuration.MeshNode, clock);
    }

    private static void AskUnlessExempt(CniRequest request, PluginSection section, TimeProvider clock)
    {
        PluginOptions options = section.Options;

        // A container that is none of Kubernetes has no labels by which it could be enrolled.
        if (request.PodName is not string name || request.PodNamespace is not string podNamespace
            || options.IsExempt(podNamespace, name))
        {
            return;
        }

        section.RequireRight();
        CniAnswer answer = AgentClient.Ask(options, request, clock, out string obstacle)
            ?? throw new CniException(
                CniErrorCode.TryAgainLater,
                $"The agent of the mesh does not answer, and pod {podNamespace}/{name} does not start uncaptured: try again later.",
                $"{options.SocketPath}: {obstacle}");
        ThrowUnlessDone(answer);
    }

    /// <summary>
    /// Succeeds whatever runtime, configuration and agent say: a pod that ends must not be held up, the kernel removes its rules with its
    /// network, and an agent that was not told finds that out by itself.
    /// </summary>
    private static void Delete(Invocation invocation, Stream input, TimeProvider clock)
    {
        try
        {
            NetworkConfiguration configuration = NetworkConfiguration.Read(input);
            CniRequest request = invocation.ReadAttachment(CniCommand.Delete, configuration.Name, requiresNamespace: false);
            PluginOptions options = configuration.MeshNode.Options;
            if (request.PodName is string name && request.PodNamespace is string podNamespace && !options.IsExempt(podNamespace, name))
            {
                AgentClient.Ask(options, request, clock, out _);
            }
        }
        catch (Exception untold) when (untold is CniException or IOException)
        {
            // The attachment cannot be made out, the agent is of another version, or its socket's path cannot be one.
        }
    }

    /// <summary>
    /// The plugin itself keeps nothing that could be collected; an agent that is away holds nothing either, and one that cannot be told
    /// finds out by itself.
    /// </summary>
    private static void CollectGarbage(NetworkConfiguration configuration, TimeProvider clock)
    {
        CniRequest request = new()
        {
            Version = CniMessages.Version,
            Command = CniCommand.CollectGarbage,
            NetworkName = configuration.Name,
            ValidAttachments =
            [
                .. configuration.ValidAttachments.Select(valid => new CniAttachment
                {
                    ContainerId = valid.ContainerId,
                    InterfaceName = valid.InterfaceName,
                }),
            ],
        };
        try
        {
            AgentClient.Ask(configuration.MeshNode.Options, request, clock, out _);
        }
        catch (CniException)
        {
            // An agent of another version, a socket path that cannot be one, or more attachments than a request holds.
        }
    }

    private static void Status(NetworkConfiguration configuration, TimeProvider clock)
    {
        PluginOptions options = configuration.MeshNode.Options;
        if (!options.ReportsStatus)
        {
            return;
        }

        configuration.MeshNode.RequireRight();
        CniRequest request = new() { Version = CniMessages.Version, Command = CniCommand.Status };
        CniAnswer answer = AgentClient.Ask(options, request, clock, out string obstacle)
            ?? throw new CniException(
                CniErrorCode.NotAvailable,
                "The agent of the mesh does not answer: pods that may be enrolled do not start.",
                $"{options.SocketPath}: {obstacle}");
        ThrowUnlessDone(answer);
    }

    private static void ThrowUnlessDone(CniAnswer answer)
    {
        if (answer.Code != CniErrorCode.None)
        {
            throw new CniException(answer.Code, answer.Message, answer.Details);
        }
    }

    private static string ErrorObject(string version, int code, string message, string details) => new JsonObject
    {
        ["cniVersion"] = version,
        ["code"] = code,
        ["msg"] = message,
        ["details"] = details,
    }.ToJsonString();

    private static void Write(Stream output, string text)
    {
        output.Write(Encoding.UTF8.GetBytes(text));
        output.Flush();
    }
}
