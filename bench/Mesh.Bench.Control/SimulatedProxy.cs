using System.Net;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Grpc.Net.Client;
using Mesh.Api.Discovery;
using Mesh.Control.Serving.Xds;

namespace Mesh.Bench.Control;

/// <summary>A proxy as far as discovery goes: a connection of its own, everything subscribed, every response acknowledged.</summary>
internal sealed class SimulatedProxy : IDisposable
{
    private readonly GrpcChannel _channel;
    private readonly AsyncDuplexStreamingCall<DeltaDiscoveryRequest, DeltaDiscoveryResponse> _call;
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

    /// <summary>Resources held, by what has been added and removed.</summary>
    public int ResourceCount { get; private set; }

    /// <summary>Bytes of the last response.</summary>
    public int LastResponseBytes { get; private set; }

    public async Task SubscribeAsync()
    {
        var request = new DeltaDiscoveryRequest { TypeUrl = TypeUrls.Address, Node = new Node { Id = _node, Metadata = new Struct() } };
        request.Node.Metadata.Fields["NODE_NAME"] = Value.ForString(_node);
        await _call.RequestStream.WriteAsync(request);
    }

    /// <summary>Takes over and acknowledges the next response.</summary>
    public async Task TakeNextAsync()
    {
        if (!await _call.ResponseStream.MoveNext(CancellationToken.None))
        {
            throw new InvalidOperationException($"The stream of {_node} ended.");
        }

        DeltaDiscoveryResponse response = _call.ResponseStream.Current;
        LastResponseBytes = response.CalculateSize();
        ResourceCount = ResourceCount == 0 ? response.Resources.Count : ResourceCount - response.RemovedResources.Count;
        await _call.RequestStream.WriteAsync(new DeltaDiscoveryRequest { TypeUrl = response.TypeUrl, ResponseNonce = response.Nonce });
    }

    public void Dispose()
    {
        _call.Dispose();
        _channel.Dispose();
    }
}
