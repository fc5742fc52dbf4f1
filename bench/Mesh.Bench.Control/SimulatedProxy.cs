using System.Net;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using Google.Protobuf.Collections;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Grpc.Net.Client;
using Mesh.Api.Discovery;
using Mesh.Api.Workload;
using Mesh.Control.Serving.Xds;

namespace Mesh.Bench.Control;

/// <summary>A proxy as far as discovery goes: a connection of its own, everything subscribed, every response acknowledged.</summary>
internal sealed class SimulatedProxy : IDisposable
{
    private readonly GrpcChannel _channel;
    private readonly AsyncDuplexStreamingCall<DeltaDiscoveryRequest, DeltaDiscoveryResponse> _call;
    private readonly HashSet<string> _held = new(StringComparer.Ordinal);
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

    public async Task SubscribeAsync(CancellationToken cancellation)
    {
        var request = new DeltaDiscoveryRequest { TypeUrl = TypeUrls.Address, Node = new Node { Id = _node, Metadata = new Struct() } };
        request.Node.Metadata.Fields["NODE_NAME"] = Value.ForString(_node);
        await _call.RequestStream.WriteAsync(request, cancellation);
    }

    /// <summary>Takes responses until this many resources are held.</summary>
    public async Task TakeUntilHoldingAsync(int count, CancellationToken cancellation)
    {
        while (_held.Count < count)
        {
            await TakeNextAsync(cancellation);
        }
    }

    /// <summary>Takes responses until one has a workload of this address.</summary>
    public async Task TakeUntilWorkloadAtAsync(IPAddress address, CancellationToken cancellation)
    {
        ByteString wanted = ByteString.CopyFrom(address.GetAddressBytes());
        while (!(await TakeNextAsync(cancellation)).Resources.Any(resource => AddressesOf(resource).Contains(wanted)))
        {
        }
    }

    public void Dispose()
    {
        _call.Dispose();
        _channel.Dispose();
    }

    private static RepeatedField<ByteString> AddressesOf(Resource resource) =>
        resource.Resource_.Unpack<Address>().Workload?.Addresses ?? [];

    // Takes over and acknowledges.
    private async Task<DeltaDiscoveryResponse> TakeNextAsync(CancellationToken cancellation)
    {
        if (!await _call.ResponseStream.MoveNext(cancellation))
        {
            throw new ScaleException($"the stream of {_node} ended");
        }

        DeltaDiscoveryResponse response = _call.ResponseStream.Current;
        _held.UnionWith(response.Resources.Select(resource => resource.Name));
        _held.ExceptWith(response.RemovedResources);
        await _call.RequestStream.WriteAsync(
            new DeltaDiscoveryRequest { TypeUrl = response.TypeUrl, ResponseNonce = response.Nonce }, cancellation);
        return response;
    }
}
