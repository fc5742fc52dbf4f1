using Mesh.Api.Enrolment;
using Xunit;

namespace Mesh.Control.Tests.Api;

/// <summary>Which pods belong to the mesh: one table for the agent that captures them and the control plane that tells others.</summary>
public sealed class CaptureRuleTests
{
    private const string Own = "mesh-node.io/capture";
    private const string Istio = "istio.io/dataplane-mode";
    private const string Consul = "consul.hashicorp.com/connect-inject";

    [Theory]
    [InlineData("", "", "", CaptureVerdict.NotAsked)]
    [InlineData($"{Own}=enabled", "", "", CaptureVerdict.Captured)]
    [InlineData($"{Istio}=ambient", "", "", CaptureVerdict.Captured)]
    [InlineData($"{Consul}=true", "", "", CaptureVerdict.Captured)]
    [InlineData("", $"{Consul}=true", "", CaptureVerdict.Captured)]
    [InlineData("", "", $"{Own}=enabled", CaptureVerdict.Captured)]
    [InlineData("", "", $"{Istio}=ambient", CaptureVerdict.Captured)]
    [InlineData("", "", $"{Consul}=true", CaptureVerdict.Captured)]
    [InlineData($"{Own}=disabled", "", $"{Own}=enabled", CaptureVerdict.Declined)]
    [InlineData($"{Istio}=none", "", $"{Own}=enabled", CaptureVerdict.Declined)]
    [InlineData("", $"{Consul}=false", $"{Istio}=ambient", CaptureVerdict.Declined)]
    [InlineData($"{Own}=enabled", "", $"{Own}=disabled", CaptureVerdict.Captured)]
    [InlineData($"{Own}=disabled,{Istio}=ambient", "", "", CaptureVerdict.Declined)]
    [InlineData($"{Istio}=none,{Consul}=true", "", "", CaptureVerdict.Declined)]
    [InlineData($"{Own}=yes", "", $"{Own}=enabled", CaptureVerdict.Captured)]
    [InlineData($"{Own}=yes,{Istio}=ambient", "", "", CaptureVerdict.Captured)]
    [InlineData("", $"{Own}=enabled", "", CaptureVerdict.NotAsked)]
    [InlineData($"{Own}=enabled", "sidecar.istio.io/status=x", "", CaptureVerdict.Sidecar)]
    [InlineData($"{Own}=enabled,networking.istio.io/tunnel=http", "", "", CaptureVerdict.NativeTunnel)]
    [InlineData("app.kubernetes.io/part-of=mesh-node", "", $"{Own}=enabled", CaptureVerdict.MeshItself)]
    public void Labels_and_annotations_decide(string labels, string annotations, string namespaceLabels, CaptureVerdict expected) =>
        Assert.Equal(expected, CaptureRule.Of(Subject() with
        {
            Label = Map(labels),
            Annotation = Map(annotations),
            NamespaceLabel = Map(namespaceLabels),
        }));

    [Theory]
    [InlineData("shop", false, false, CaptureVerdict.Captured)]
    [InlineData("shop", true, false, CaptureVerdict.HostNetwork)]
    [InlineData("shop", false, true, CaptureVerdict.Finished)]
    [InlineData("kube-system", false, false, CaptureVerdict.ExcludedNamespace)]
    [InlineData("private", false, false, CaptureVerdict.ExcludedNamespace)]
    public void Some_are_never_captured(string space, bool isHostNetwork, bool isFinished, CaptureVerdict expected) =>
        Assert.Equal(expected, CaptureRule.Of(Subject() with
        {
            Namespace = space,
            Label = Map($"{Own}=enabled"),
            IsHostNetwork = isHostNetwork,
            IsFinished = isFinished,
        }));

    private static CaptureSubject Subject() => new("shop", Map(""), Map(""), Map(""), IsHostNetwork: false, IsFinished: false, ["private"]);

    private static Func<string, string?> Map(string entries)
    {
        Dictionary<string, string> map = entries.Split(',', StringSplitOptions.RemoveEmptyEntries)
            .Select(entry => entry.Split('='))
            .ToDictionary(parts => parts[0], parts => parts[1]);
        return name => map.GetValueOrDefault(name);
    }
}
