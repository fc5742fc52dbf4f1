using System.Net;
using Mesh.Node.Capture.Cni;
using Mesh.Node.Capture.Pods;
using Xunit;

namespace Mesh.Node.Capture.Tests.Cni;

/// <summary>What the runtime says of a pod stands above what sources say, and no longer than the pod.</summary>
public sealed class AttachedPodsTests
{
    private readonly AttachedPods _attached = new();

    [Fact]
    public void The_runtimes_namespace_holds_until_the_source_names_the_pod_no_more()
    {
        PodSpec placed = _attached.Add(Pod("a"), Attachment("s-1"));
        Assert.Equal(("/run/netns/s-1", IPAddress.Parse("10.0.0.1")), (placed.NetworkNamespace, Assert.Single(placed.Addresses)));

        // No source names it yet; then one does, again and again; then no more.
        Assert.Same(placed, _attached.Over(Named())["a"]);
        Assert.Same(placed, _attached.Over(Named(Pod("a")))["a"]);
        Assert.NotSame(placed, _attached.Over(Named(Pod("a", account: "other")))["a"]);
        Assert.Empty(_attached.Over(Named()));
        Assert.Equal("/run/netns/s-1", _attached.Over(Named(Pod("a")))["a"].NetworkNamespace);
    }

    [Fact]
    public void A_pod_that_has_ended_is_gone_though_its_source_still_names_it()
    {
        _attached.Add(Pod("a"), Attachment("s-1"));
        _attached.End("a");
        Assert.Empty(_attached.Over(Named(Pod("a"))));
        Assert.Null(_attached.Find("s-1", "eth0"));

        // Once the source has heard of it, the name is free.
        Assert.Empty(_attached.Over(Named()));
        Assert.Equal("/source", _attached.Over(Named(Pod("a")))["a"].NetworkNamespace);

        _attached.End("a");
        _attached.Add(Pod("a"), Attachment("s-2"));
        Assert.Equal("/run/netns/s-2", _attached.Over(Named(Pod("a")))["a"].NetworkNamespace);
    }

    [Fact]
    public void Sandboxes_and_interfaces_are_told_apart()
    {
        _attached.Add(Pod("a"), Attachment("s-1"));
        _attached.Add(Pod("a"), Attachment("s-1") with { InterfaceName = "net1", Network = "second" });
        Assert.Equal("a", _attached.Find("s-1", "eth0"));
        Assert.Null(_attached.Find("s-1", "net1"));

        _attached.Add(Pod("a"), Attachment("s-2"));
        Assert.Null(_attached.Find("s-1", "eth0"));
        Assert.Equal("a", _attached.Find("s-2", "eth0"));
        _attached.Add(Pod("b"), Attachment("s-3"));
        Assert.Equal(["b"], _attached.Except("pods", new HashSet<string> { "s-2" }));
        Assert.Empty(_attached.Except("second", new HashSet<string>()));
    }

    private static PodAttachment Attachment(string sandbox) =>
        new(sandbox, "eth0", "pods", $"/run/netns/{sandbox}", [IPAddress.Parse("10.0.0.1")]);

    private static Dictionary<string, PodSpec> Named(params PodSpec[] pods) => pods.ToDictionary(pod => pod.Uid);

    private static PodSpec Pod(string uid, string account = "cart") => new()
    {
        Uid = uid,
        Name = uid,
        Namespace = "shop",
        ServiceAccount = account,
        NetworkNamespace = "/source",
    };
}
