using System.Threading.RateLimiting;
using Grpc.Core;
using Mesh.Api.Discovery;
using Mesh.Control.Serving.Authentication;
using Microsoft.Extensions.Logging;

namespace Mesh.Control.Serving.Xds;

/// <summary>Aggregated delta discovery: who may open a stream, and what it ends with.</summary>
public sealed partial class DiscoveryService(
    ResourceStore store, ProxyRegistry registry, NodeRateLimits limits, TimeProvider time, ILogger<DiscoveryService> logger)
    : AggregatedDiscoveryService.AggregatedDiscoveryServiceBase
{
    public override async Task DeltaAggregatedResources(
        IAsyncStreamReader<DeltaDiscoveryRequest> requestStream,
        IServerStreamWriter<DeltaDiscoveryResponse> responseStream,
        ServerCallContext context)
    {
        NodeCaller caller = NodeAuthentication.CallerOf(context);
        using RateLimitLease place = limits.TakeStream(caller.Node);
        if (!place.IsAcquired)
        {
            throw new RpcException(new Status(StatusCode.ResourceExhausted, $"{caller.Node} has too many discovery streams open."));
        }

        using var ending = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, caller.Revoked);
        var session = new ProxySession(caller, context.Peer, store, time, logger);
        registry.Add(session);
        Connected(logger, caller.Node, context.Peer);
        try
        {
            await session.RunAsync(requestStream, responseStream, ending.Token);
            Disconnected(logger, caller.Node, "The proxy ended the stream.");
        }
        catch (Exception) when (caller.Revoked.IsCancellationRequested)
        {
            Disconnected(logger, caller.Node, "Its join token was revoked.");
            throw new RpcException(new Status(StatusCode.Unauthenticated, "The join token was revoked."));
        }
        catch (RpcException exception) when (exception.StatusCode == StatusCode.DeadlineExceeded)
        {
            // It takes nothing, so it would not take a status either.
            Disconnected(logger, caller.Node, exception.Status.Detail);
            context.GetHttpContext().Abort();
        }
        catch (RpcException exception)
        {
            Disconnected(logger, caller.Node, exception.Status.Detail);
            throw;
        }
        catch (Exception) when (context.CancellationToken.IsCancellationRequested)
        {
            // What a write to a connection that is gone looks like depends on when it went.
            Disconnected(logger, caller.Node, "The connection is gone.");
        }
        finally
        {
            registry.Remove(session);
        }
    }

    [LoggerMessage(EventId = 1211, Level = LogLevel.Information, Message = "{Node} connected from {Peer}.")]
    private static partial void Connected(ILogger logger, string node, string peer);

    [LoggerMessage(EventId = 1212, Level = LogLevel.Information, Message = "{Node} disconnected: {Reason}")]
    private static partial void Disconnected(ILogger logger, string node, string reason);
}
