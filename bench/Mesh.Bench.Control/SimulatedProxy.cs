using System.Net;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Grpc.Net.Client;
using Mesh.Api.Discovery;
using Mesh.Api.Policies;
using Mesh.Control.Serving.Xds;

namespace Mesh.Bench.Control;

/// <summary>A proxy as far as discovery goes: a connection of its own, everything of its types subscribed, every response acknowledged.</summary>
internal sealed class SimulatedProxy : IDisposable
{
    private readonly GrpcChannel _channel;
    private readonly AsyncDuplexStreamingCall<DeltaDiscoveryRequest, DeltaDiscoveryResponse> _call;
    private readonly HashSet<(string TypeUrl, string Name)> _held = [];
    private readonly string _node;

    public SimulatedProxy(IPEndPoint server, string rootCertificateFile, string node, string token)
    {
        _node = node;
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.ImportFromPemFile(rootCertificateFile);
        var handler = new SocketsHttpHandler
        {
            SslOptions = new SslClientAuthenticationOptions { CertificateChainPolicy = policy, TargetHost = "mesh-control" },
        };
        _channel = GrpcChannel.ForAddress(
            $"https://{server}", new GrpcChannelOptions { HttpHandler = handler, DisposeHttpClient = true, MaxReceiveMessageSize = null });
        _call = new AggregatedDiscoveryService.AggregatedDiscoveryServiceClient(_channel)
            .DeltaAggregatedResources(new Metadata { { "authorization", $"Bearer {token}" } });
    }

    /// <param name="typeUrls">In the order in which a proxy asks: see <see cref="TypeUrls.All"/>.</param>
    /// <param name="cancellation">Ends the wait.</param>
    public async Task SubscribeAsync(IEnumerable<string> typeUrls, CancellationToken cancellation)
    {
        foreach (string typeUrl in typeUrls)
        {
            var request = new DeltaDiscoveryRequest { TypeUrl = typeUrl, Node = new Node { Id = _node, Metadata = new Struct() } };
            request.Node.Metadata.Fields["NODE_NAME"] = Value.ForString(_node);
            // As ours does: others are sent a form of the policies that speaks of connections alone.
            request.Node.Metadata.Fields[PolicyExtensions.NodeMetadataKey] = Value.ForString(PolicyExtensions.NodeMetadataValue);
            await _call.RequestStream.WriteAsync(request, cancellation);
        }
    }

    /// <summary>Takes responses until this many resources are held.</summary>
    public async Task TakeUntilHoldingAsync(int count, CancellationToken cancellation)
    {
        while (_held.Count < count)
        {
            await TakeNextAsync(cancellation);
        }
    }

    /// <summary>Takes responses until a resource has these bytes in it: an address, or a text that only a change has.</summary>
    public async Task TakeUntilAsync(ReadOnlyMemory<byte> part, CancellationToken cancellation)
    {
        while (!(await TakeNextAsync(cancellation)).Resources.Any(resource => resource.Resource_.Value.Span.IndexOf(part.Span) >= 0))
        {
        }
    }

    public void Dispose()
    {
        _call.Dispose();
        _channel.Dispose();
    }

    // Takes over and acknowledges.
    private async Task<DeltaDiscoveryResponse> TakeNextAsync(CancellationToken cancellation)
    {
        if (!await _call.ResponseStream.MoveNext(cancellation))
        {
            throw new ScaleException($"the stream of {_node} ended");
        }

        DeltaDiscoveryResponse response = _call.ResponseStream.Current;
        _held.UnionWith(response.Resources.Select(resource => (response.TypeUrl, resource.Name)));
        _held.ExceptWith(response.RemovedResources.Select(name => (response.TypeUrl, name)));
        await _call.RequestStream.WriteAsync(
            new DeltaDiscoveryRequest { TypeUrl = response.TypeUrl, ResponseNonce = response.Nonce }, cancellation);
        return response;
    }
}
