using Grpc.Core;
using Mesh.Api.Discovery;
using Mesh.Control.Serving.Authentication;
using Mesh.Control.Serving.Xds;
using Mesh.Control.Tests.Support;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Mesh.Control.Tests.Serving;

/// <summary>Streams of clients that do not do their part, on a clock of the test.</summary>
public sealed class ProxySessionTests : IDisposable
{
    private readonly FakeTimeProvider _time = new();
    private readonly CancellationTokenSource _stopping = new();
    private readonly ProxyRegistry _registry = new();
    private readonly ResourceStore _store;

    public ProxySessionTests()
    {
        _store = new ResourceStore(_time);
        Publish("a", "one");
    }

    public void Dispose() => _stopping.Dispose();

    [Fact]
    public async Task A_client_that_takes_nothing_loses_its_stream()
    {
        var client = new Client(takes: false);
        Task running = Run(client);
        await client.WriteBegun.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);

        _time.Advance(TimeSpan.FromSeconds(119));
        Assert.False(running.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(2));

        RpcException exception = await Assert.ThrowsAsync<RpcException>(() => running);
        Assert.Equal(StatusCode.DeadlineExceeded, exception.StatusCode);
        Assert.Contains("Address", exception.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_client_that_never_answers_is_counted_and_goes_on_getting_what_changes()
    {
        var client = new Client(takes: true);
        Task running = Run(client);
        await SentAsync(1);
        Assert.Equal(0, _registry.CountBehind(_time.GetUtcNow()));
        _time.Advance(TimeSpan.FromSeconds(31));
        Assert.Equal(1, _registry.CountBehind(_time.GetUtcNow()));

        // More than is remembered for answers: still counted from the first.
        for (int index = 2; index <= 70; index++)
        {
            Publish("a", $"content {index}");
            await SentAsync(index);
        }

        await Eventually.TrueAsync(() => client.Responses.Count == 70, "all are written");
        TypeStatus type = Assert.Single(Assert.Single(_registry.Statuses).Types);
        Assert.Equal(64, type.Unanswered);
        Assert.Equal(_time.GetUtcNow() - TimeSpan.FromSeconds(31), type.UnansweredSince);
        Assert.Equal(1, _registry.CountBehind(_time.GetUtcNow()));

        client.Say(new DeltaDiscoveryRequest { TypeUrl = TypeUrls.Address, ResponseNonce = client.Responses[^1].Nonce });
        await Eventually.TrueAsync(() => _registry.CountBehind(_time.GetUtcNow()) == 0, "answered");
        await _stopping.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    [Fact]
    public void What_is_refused_stays_so_until_it_is_taken_in_another_version_or_is_gone()
    {
        var refused = new RefusedResources();
        var last = new RejectionStatus(1, _time.GetUtcNow(), "b: no", []);
        refused.Refuse(["a", "b", "c"], "b: no");
        Assert.Equal(["b"], refused.ShowWith(last)!.Resources);

        refused.Accept(["a", "d"]);
        Assert.Equal(["b"], refused.ShowWith(last)!.Resources);

        // A client that does not say which: all of them.
        refused.Refuse(["x", "y"], "no");
        Assert.Equal(["b", "x", "y"], refused.ShowWith(last)!.Resources);

        refused.Accept(["b", "x"]);
        refused.Accept(["y"]);
        Assert.Null(refused.ShowWith(last));
    }

    private Task Run(Client client)
    {
        client.Say(new DeltaDiscoveryRequest
        {
            TypeUrl = TypeUrls.Address,
            Node = new Node
            {
                Id = "n",
                Metadata = new() { Fields = { ["NODE_NAME"] = Google.Protobuf.WellKnownTypes.Value.ForString("node-1") } },
            },
        });
        var session = new ProxySession(
            new NodeCaller("node-1", "token", CancellationToken.None), "address", _store, _time, NullLogger.Instance);
        _registry.Add(session);
        return session.RunAsync(client, client, _stopping.Token);
    }

    private Task SentAsync(long generation) => Eventually.TrueAsync(
        () => _registry.Statuses.Single().Types is [{ SentGeneration: var sent }] && sent == generation, $"generation {generation} sent");

    private void Publish(string name, string content) => _store.Publish(new Dictionary<string, IReadOnlyCollection<ServedResource>>
    {
        [TypeUrls.Address] =
        [
            ServedResource.Of(TypeUrls.Address, name, new Mesh.Api.Workload.Address { Workload = new() { Uid = name, Name = content } }),
        ],
    });

    /// <summary>The other end of a stream.</summary>
    private sealed class Client(bool takes) : IAsyncStreamReader<DeltaDiscoveryRequest>, IServerStreamWriter<DeltaDiscoveryResponse>
    {
        private readonly System.Threading.Channels.Channel<DeltaDiscoveryRequest> _said =
            System.Threading.Channels.Channel.CreateUnbounded<DeltaDiscoveryRequest>();

        private readonly TaskCompletionSource _writeBegun = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public List<DeltaDiscoveryResponse> Responses { get; } = [];

        public Task WriteBegun => _writeBegun.Task;

        public DeltaDiscoveryRequest Current { get; private set; } = new();

        public WriteOptions? WriteOptions { get; set; }

        public void Say(DeltaDiscoveryRequest request) => Assert.True(_said.Writer.TryWrite(request));

        public async Task<bool> MoveNext(CancellationToken cancellationToken)
        {
            Current = await _said.Reader.ReadAsync(cancellationToken);
            return true;
        }

        public Task WriteAsync(DeltaDiscoveryResponse message)
        {
            Responses.Add(message);
            _writeBegun.TrySetResult();
            return takes ? Task.CompletedTask : new TaskCompletionSource().Task;
        }

        public Task WriteAsync(DeltaDiscoveryResponse message, CancellationToken cancellationToken) => WriteAsync(message);
    }
}
