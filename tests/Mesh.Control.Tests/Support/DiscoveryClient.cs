using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Grpc.Net.Client;
using Mesh.Api.Discovery;
using Xunit;

namespace Mesh.Control.Tests.Support;

/// <summary>A discovery stream as a proxy drives it, one step at a time.</summary>
internal sealed class DiscoveryClient : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    private readonly AsyncDuplexStreamingCall<DeltaDiscoveryRequest, DeltaDiscoveryResponse> _call;
    private readonly string _node;
    private bool _isFirst = true;

    public DiscoveryClient(GrpcChannel channel, string node, string? token)
    {
        _node = node;
        var headers = new Metadata();
        if (token is not null)
        {
            headers.Add("authorization", $"Bearer {token}");
        }

        _call = new AggregatedDiscoveryService.AggregatedDiscoveryServiceClient(channel)
            .DeltaAggregatedResources(headers, cancellationToken: TestContext.Current.CancellationToken);
    }

    public async Task SendAsync(DeltaDiscoveryRequest request)
    {
        if (_isFirst)
        {
            _isFirst = false;
            request.Node = new Node { Id = $"ztunnel~10.0.0.1~proxy.{_node}~svc", Metadata = new Struct() };
            request.Node.Metadata.Fields["NODE_NAME"] = Value.ForString(_node);
        }

        await _call.RequestStream.WriteAsync(request, TestContext.Current.CancellationToken);
    }

    public Task SubscribeAsync(string typeUrl, params string[] names) => SubscribeAsync(typeUrl, held: null, names);

    public Task SubscribeAsync(string typeUrl, IReadOnlyDictionary<string, string>? held, params string[] names)
    {
        var request = new DeltaDiscoveryRequest { TypeUrl = typeUrl };
        request.ResourceNamesSubscribe.AddRange(names);
        foreach ((string name, string version) in held ?? new Dictionary<string, string>())
        {
            request.InitialResourceVersions[name] = version;
        }

        return SendAsync(request);
    }

    public Task AckAsync(DeltaDiscoveryResponse response) =>
        SendAsync(new DeltaDiscoveryRequest { TypeUrl = response.TypeUrl, ResponseNonce = response.Nonce });

    public Task NackAsync(DeltaDiscoveryResponse response, string reason) => SendAsync(new DeltaDiscoveryRequest
    {
        TypeUrl = response.TypeUrl,
        ResponseNonce = response.Nonce,
        ErrorDetail = new Mesh.Api.Rpc.Status { Code = (int)StatusCode.InvalidArgument, Message = reason },
    });

    /// <summary>The next response, which must come.</summary>
    public async Task<DeltaDiscoveryResponse> NextAsync()
    {
        using var patience = new CancellationTokenSource(s_patience);
        Assert.True(await _call.ResponseStream.MoveNext(patience.Token), "The stream ended.");
        return _call.ResponseStream.Current;
    }

    /// <summary>The next response of this type, acknowledged.</summary>
    public async Task<DeltaDiscoveryResponse> NextAsync(string typeUrl)
    {
        DeltaDiscoveryResponse response = await NextAsync();
        Assert.Equal(typeUrl, response.TypeUrl);
        await AckAsync(response);
        return response;
    }

    /// <summary>What the stream ends with.</summary>
    public async Task<RpcException> FailureAsync()
    {
        using var patience = new CancellationTokenSource(s_patience);
        return await Assert.ThrowsAsync<RpcException>(async () =>
        {
            while (await _call.ResponseStream.MoveNext(patience.Token))
            {
                // Responses sent before the end do not matter.
            }
        });
    }

    /// <summary>Closes this side; the server must end the stream without an error.</summary>
    public async Task CompleteAsync()
    {
        using var patience = new CancellationTokenSource(s_patience);
        await _call.RequestStream.CompleteAsync();
        while (await _call.ResponseStream.MoveNext(patience.Token))
        {
            // Responses sent before the end do not matter.
        }
    }

    public void Dispose() => _call.Dispose();
}

internal static class DiscoveryResponses
{
    public static string[] Names(this DeltaDiscoveryResponse response) =>
        [.. response.Resources.Select(resource => resource.Name).Order(StringComparer.Ordinal)];

    public static string[] Removed(this DeltaDiscoveryResponse response) => [.. response.RemovedResources.Order(StringComparer.Ordinal)];

    public static Dictionary<string, string> Versions(this DeltaDiscoveryResponse response) =>
        response.Resources.ToDictionary(resource => resource.Name, resource => resource.Version);

    public static T Body<T>(this DeltaDiscoveryResponse response, string name)
        where T : Google.Protobuf.IMessage, new() => response.Resources.Single(resource => resource.Name == name).Resource_.Unpack<T>();
}
