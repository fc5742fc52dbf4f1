using System.Net;
using Mesh.Cni.Contract;
using Mesh.Interop.Linux;
using Mesh.Node.Capture.Agent;
using Mesh.Node.Capture.Pods;
using Microsoft.Extensions.Logging;

namespace Mesh.Node.Capture.Cni;

/// <summary>Answers the runtime's requests. Each may come again at any time, and means the same then. Safe on any thread.</summary>
internal sealed class CniRequests(
    CniOptions options, IPodEnrolment enrolment, IPodNetworks networks, AgentMetrics metrics, ILogger logger)
{
    // A pod's end is not held up by a proxy that does not answer.
    private static readonly TimeSpan s_detachLimit = TimeSpan.FromSeconds(5);

    /// <summary>Answers one request. What goes wrong is in the answer.</summary>
    /// <exception cref="OperationCanceledException">The agent stops.</exception>
    public async Task<CniAnswer> AnswerAsync(CniRequest request, CancellationToken cancellation)
    {
        CniAnswer answer = await DecideAsync(request, cancellation);
        metrics.Answered(request.Command, answer.Code switch
        {
            CniErrorCode.None => "success",
            CniErrorCode.TryAgainLater => "try-again",
            CniErrorCode.CaptureFailed => "capture-failed",
            CniErrorCode.ContainerUnknown => "unreachable",
            _ => "refused",
        });
        return answer;
    }

    private async Task<CniAnswer> DecideAsync(CniRequest request, CancellationToken cancellation)
    {
        string pod = request.PodName is null ? "" : $"{request.PodNamespace}/{request.PodName}";
        try
        {
            switch (request.Command)
            {
                case CniCommand.Add:
                    await AddAsync(request, pod, cancellation);
                    break;
                case CniCommand.Check:
                    await CheckAsync(request, cancellation);
                    break;
                case CniCommand.Delete:
                    string? path = request.NetworkNamespace is string named ? PathOf(named) : null;
                    await networks.DetachAsync(request.ContainerId!, request.InterfaceName!, path, s_detachLimit, cancellation);
                    break;
                case CniCommand.CollectGarbage:
                    networks.Prune(
                        request.NetworkName,
                        request.ValidAttachments.Select(valid => valid.ContainerId).ToHashSet(StringComparer.Ordinal));
                    break;
                default:
                    RequireProxy();
                    break;
            }

            return CniAnswer.Success;
        }
        catch (CniRefusal refused)
        {
            Log.Refused(logger, request.Command, pod, refused.Message, refused.Details);
            return CniAnswer.Failure(refused.Code, refused.Message, refused.Details);
        }
        catch (CaptureException undecided)
        {
            Log.Refused(logger, request.Command, pod, undecided.Message, "");
            return CniAnswer.Failure(
                CniErrorCode.TryAgainLater,
                $"Whether pod {pod} belongs to the mesh cannot be decided: try again later.",
                undecided.Message);
        }
        catch (PosixException unreachable)
        {
            Log.Refused(logger, request.Command, pod, unreachable.Message, "");
            return CniAnswer.Failure(
                CniErrorCode.ContainerUnknown, $"The agent of the mesh cannot open the network of pod {pod}.", unreachable.Message);
        }
    }

    private async Task AddAsync(CniRequest request, string name, CancellationToken cancellation)
    {
        if (await FindAsync(request, cancellation) is not PodSpec pod)
        {
            Log.NotEnrolled(logger, name);
            return;
        }

        PodAttachment attachment = new(
            request.ContainerId!,
            request.InterfaceName!,
            request.NetworkName,
            PathOf(request.NetworkNamespace!),
            [.. request.Addresses.Select(ParseAddress)]);
        await networks.AttachAsync(pod, attachment, AddLimit, cancellation);
        Log.Attached(logger, name, pod.Uid);
    }

    private async Task CheckAsync(CniRequest request, CancellationToken cancellation)
    {
        if (await FindAsync(request, cancellation) is PodSpec pod)
        {
            await networks.CheckAsync(pod.Uid, PathOf(request.NetworkNamespace!), AddLimit, cancellation);
        }
    }

    private TimeSpan AddLimit => TimeSpan.FromSeconds(options.AddTimeoutSeconds);

    private Task<PodSpec?> FindAsync(CniRequest request, CancellationToken cancellation)
    {
        foreach (string? name in (string?[])[request.PodNamespace, request.PodName, request.PodUid])
        {
            if (name is not null && !PodFileReader.IsName(name))
            {
                throw new CniRefusal(CniErrorCode.Undecodable, "A pod's namespace, name or UID is none.", name);
            }
        }

        return enrolment.FindAsync(request.PodNamespace!, request.PodName!, request.PodUid, cancellation);
    }

    private void RequireProxy()
    {
        if (networks.Proxies == 0)
        {
            throw new CniRefusal(
                CniErrorCode.NotAvailableLimited,
                "No proxy of the mesh is connected to its agent: pods of the mesh do not start, and those that run have no connections.");
        }
    }

    /// <summary>The runtime's path as the agent finds it. /var/run is /run wherever runtimes run, but not in the agent's image.</summary>
    private string PathOf(string hostPath) =>
        options.HostPrefix + (hostPath.StartsWith("/var/run/", StringComparison.Ordinal) ? hostPath["/var".Length..] : hostPath);

    private static IPAddress ParseAddress(string text) =>
        IPAddress.TryParse(text, out IPAddress? address)
            ? address
            : throw new CniRefusal(CniErrorCode.Undecodable, "A pod's address is none.", text);
}
