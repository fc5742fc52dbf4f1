using Mesh.Testing.Kubernetes;
using Xunit;

namespace Mesh.Node.Capture.Tests.Kubernetes;

/// <summary>
/// Goal: of a pod that is about to start it is decided by what holds now, and nobody starts uncaptured because something is not known.
/// Method: an API server in this process over real sockets.
/// </summary>
public sealed class KubernetesEnrolmentTests
{
    private const string Asked = "{mesh-node.io/capture: enabled}";

    [Fact]
    public async Task It_is_decided_by_pod_and_namespace_as_they_are_now()
    {
        await using ApiServer server = await ApiServer.StartAsync();
        using ApiFiles files = new();
        server.Apply(Manifests.Namespace("shop"));
        await using SourceUnderTest source = new(server, files);
        await source.UntilAsync();

        server.Apply(Manifests.Namespace("shop", Asked)
            + Manifests.Pod("a", "u-a", phase: "Pending")
            + Manifests.Pod("declined", "u-d", labels: "{istio.io/dataplane-mode: none}")
            + Manifests.Pod("static", "u-s", annotations: "{kubernetes.io/config.hash: h-s}")
            + Manifests.Pod("elsewhere", "u-e", node: "node-2"));
        Assert.Equal("u-a", (await source.FindAsync("shop", "a", "u-a"))?.Uid);
        Assert.Equal("u-a", (await source.FindAsync("shop", "a", null))?.Uid);
        Assert.Equal("u-s", (await source.FindAsync("shop", "static", "h-s"))?.Uid);
        Assert.Null(await source.FindAsync("shop", "declined", "u-d"));
        foreach ((string name, string uid) in new[] { ("unknown", "u-x"), ("a", "u-of-another-a"), ("elsewhere", "u-e") })
        {
            CaptureException undecided =
                await Assert.ThrowsAsync<CaptureException>(() => source.FindAsync("shop", name, uid));
            Assert.Contains($"does not know the pod (uid {uid})", undecided.Message, StringComparison.Ordinal);
        }

        server.Apply(Manifests.Namespace("shop"));
        Assert.Null(await source.FindAsync("shop", "a", "u-a"));
    }

    [Fact]
    public async Task Without_an_answer_what_was_said_last_of_this_very_pod_holds()
    {
        ApiServer server = await ApiServer.StartAsync();
        using ApiFiles files = new();
        server.Apply(Manifests.Namespace("shop", Asked) + Manifests.Pod("a", "u-a"));
        await using SourceUnderTest source = new(server, files);
        await source.UntilAsync("a");
        await server.DisposeAsync();

        Assert.Equal("u-a", (await source.FindAsync("shop", "a", "u-a"))?.Uid);
        CaptureException undecided = await Assert.ThrowsAsync<CaptureException>(() => source.FindAsync("shop", "b", "u-b"));
        Assert.Contains("the API server does not say", undecided.Message, StringComparison.Ordinal);
    }
}
