using Mesh.Lab.Manifests;
using Xunit;

namespace Mesh.Lab.Tests;

public sealed class PodSpecTests
{
    [Fact]
    public void The_first_container_is_what_runs()
    {
        (PodSpec spec, List<string> problems) = Parse(
            """
            kind: Pod
            metadata: {name: cart, namespace: shop}
            spec:
              nodeName: node-2
              serviceAccountName: cart
              containers:
              - command: [lab-app, http]
                args: [--port, "8080"]
                workingDir: /tmp
                env:
                - {name: PLAIN, value: "1"}
                - {name: IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
                ports: [{name: web, containerPort: 8080}]
                readinessProbe: {httpGet: {port: web, path: /healthz}}
                livenessProbe: {tcpSocket: {port: 8081}}
              - command: [ignored]
            """);

        Assert.Empty(problems);
        Assert.Equal("node-2", spec.NodeName);
        Assert.Equal("cart", spec.ServiceAccount);
        Assert.Equal(["lab-app", "http", "--port", "8080"], spec.Command);
        Assert.Equal("/tmp", spec.WorkingDirectory);
        Assert.Equal([new EnvironmentEntry("PLAIN", "1", null), new EnvironmentEntry("IP", "", "status.podIP")], spec.Environment);
        Assert.Equal([new Probe(true, "http", 8080, "/healthz", ""), new Probe(false, "tcp", 8081, "/", "")], spec.Probes);
        Assert.True(spec.RestartsWhenEnded);
    }

    [Fact]
    public void Every_problem_of_a_pod_is_reported()
    {
        (_, List<string> problems) = Parse(
            """
            kind: Pod
            metadata: {name: cart}
            spec:
              restartPolicy: Sometimes
              containers:
              - args: [--port]
                env:
                - {value: nameless}
                - {name: SECRET, valueFrom: {secretKeyRef: {name: x}}}
                - {name: LABEL, valueFrom: {fieldRef: {fieldPath: metadata.labels}}}
                ports: [{containerPort: 70000}]
                readinessProbe: {httpGet: {port: nosuch}}
                livenessProbe: {}
            """);

        Assert.Equal(8, problems.Count);
        Assert.All(problems, problem => Assert.StartsWith("pod.yaml:1: Pod default/cart: ", problem, StringComparison.Ordinal));
        Assert.Contains(problems, problem => problem.Contains("'Sometimes'", StringComparison.Ordinal));
        Assert.Contains(problems, problem => problem.Contains("args without command", StringComparison.Ordinal));
        Assert.Contains(problems, problem => problem.Contains("an entry has no name", StringComparison.Ordinal));
        Assert.Contains(problems, problem => problem.Contains("env SECRET", StringComparison.Ordinal));
        Assert.Contains(problems, problem => problem.Contains("not of metadata.labels", StringComparison.Ordinal));
        Assert.Contains(problems, problem => problem.Contains("'70000' is not a port", StringComparison.Ordinal));
        Assert.Contains(problems, problem => problem.Contains("'nosuch' is neither", StringComparison.Ordinal));
        Assert.Contains(problems, problem => problem.Contains("livenessProbe: one of", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("spec: {containers: [{command: [sleep, infinity]}]}", true)]
    [InlineData("metadata2: {labels: {a: b}}\nspec: {containers: [{command: [sleep, infinity]}]}", true)]
    [InlineData("spec: {containers: [{command: [sleep, '1']}]}", false)]
    [InlineData("spec: {nodeName: node-2, containers: [{command: [sleep, infinity]}]}", false)]
    [InlineData("spec: {serviceAccountName: x, containers: [{command: [sleep, infinity]}]}", false)]
    [InlineData("spec: {containers: [{command: [sleep, infinity], env: [{name: A, value: b}]}]}", false)]
    public void Only_a_change_of_what_runs_replaces_a_pod(string changed, bool runsTheSame)
    {
        (PodSpec first, _) = Parse("kind: Pod\nmetadata: {name: x}\nspec: {containers: [{command: [sleep, infinity]}]}");
        (PodSpec second, _) = Parse($"kind: Pod\nmetadata: {{name: x}}\n{changed}");

        Assert.Equal(runsTheSame, second.RunsTheSameAs(first));
    }

    private static (PodSpec Spec, List<string> Problems) Parse(string text)
    {
        var problems = new List<string>();
        Manifest manifest = Assert.Single(ManifestReader.ReadText(text, "pod.yaml", problems));
        return (PodSpec.Parse(manifest, problems), problems);
    }
}
