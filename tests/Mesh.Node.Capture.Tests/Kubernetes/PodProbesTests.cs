using System.Text.Json;
using Mesh.Node.Capture.Handover;
using Mesh.Node.Capture.Kubernetes;
using Xunit;

namespace Mesh.Node.Capture.Tests.Kubernetes;

/// <summary>What the kubelet will ask of a pod is read from its spec, as the API server writes it.</summary>
public sealed class PodProbesTests
{
    [Theory]
    [InlineData("""{"httpGet": {"path": "/healthz?full", "port": 8080, "scheme": "HTTP"}}""", PodProbeKind.Http, 8080, "/healthz?full", "")]
    [InlineData("""{"httpGet": {"path": "ready", "port": "web"}}""", PodProbeKind.Http, 8081, "/ready", "")]
    [InlineData("""{"httpGet": {"port": "9000"}}""", PodProbeKind.Http, 9000, "/", "")]
    [InlineData("""{"tcpSocket": {"port": "web"}}""", PodProbeKind.Tcp, 8081, "", "")]
    [InlineData("""{"grpc": {"port": 9090, "service": "cart"}}""", PodProbeKind.Grpc, 9090, "", "cart")]
    [InlineData("""{"grpc": {"port": 9090, "service": null}}""", PodProbeKind.Grpc, 9090, "", "")]
    public void Each_kind_of_a_probe(string probe, PodProbeKind kind, int port, string path, string service) =>
        Assert.Equal([new PodProbe(kind, port, path, service)], Read($$"""{"livenessProbe": {{probe}}}"""));

    [Theory]
    [InlineData("""{"exec": {"command": ["true"]}}""")]
    [InlineData("""{"httpGet": {"path": "/", "port": 8443, "scheme": "HTTPS"}}""")]
    [InlineData("""{"httpGet": {"path": "/", "port": 80, "host": "example.com"}}""")]
    [InlineData("""{"tcpSocket": {"port": 80, "host": "10.0.0.1"}}""")]
    [InlineData("""{"tcpSocket": {"port": "nowhere"}}""")]
    [InlineData("""{"tcpSocket": {"port": 0}}""")]
    [InlineData("""{"tcpSocket": {"port": 65536}}""")]
    [InlineData("""{"tcpSocket": {}}""")]
    [InlineData("""{"tcpSocket": {"port": true}}""")]
    public void What_does_not_ask_the_pod_is_none(string probe) => Assert.Empty(Read($$"""{"readinessProbe": {{probe}}}"""));

    [Fact]
    public void All_of_a_pod_are_read_and_none_twice()
    {
        PodObjectSpec spec = Parse("""
            {
              "initContainers": [{"startupProbe": {"tcpSocket": {"port": 1}}}],
              "containers": [
                {"livenessProbe": {"tcpSocket": {"port": 2}}, "readinessProbe": {"tcpSocket": {"port": 2}}},
                {"lifecycle": {"postStart": {"httpGet": {"path": "/up", "port": 3}}, "preStop": {"httpGet": {"path": "/down", "port": 3}}}}
              ]
            }
            """);

        Assert.Equal(
            [
                new PodProbe(PodProbeKind.Tcp, 1, "", ""),
                new PodProbe(PodProbeKind.Tcp, 2, "", ""),
                new PodProbe(PodProbeKind.Http, 3, "/up", ""),
                new PodProbe(PodProbeKind.Http, 3, "/down", ""),
            ],
            PodProbes.Of(spec));
        Assert.Empty(PodProbes.Of(new PodObjectSpec()));
    }

    private static IReadOnlyList<PodProbe> Read(string container)
    {
        string ports = "\"ports\": [{\"containerPort\": 8081, \"name\": \"web\"}]";
        return PodProbes.Of(Parse($$"""{"containers": [{{{ports}}, {{container[1..]}}]}"""));
    }

    private static PodObjectSpec Parse(string spec) =>
        JsonSerializer.Deserialize($$"""{"spec": {{spec}}}""", ApiJson.Default.PodObject)!.Spec!;
}
