using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using Mesh.Node.Capture.Handover;
using Mesh.Node.Capture.Kubernetes;
using Mesh.Node.Capture.Pods;
using Mesh.Node.Capture.Tests.Lab;
using Mesh.Testing.Kubernetes;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Mesh.Node.Capture.Tests.Kubernetes;

/// <summary>
/// The agent knows the pods of its node that belong to the mesh, whatever becomes of the API server meanwhile. Method: an API server in
/// this process over real sockets.
/// </summary>
public sealed class KubernetesPodSourceTests
{
    private const string Asked = "{mesh-node.io/capture: enabled}";

    [Fact]
    public async Task Pods_are_named_as_labels_come_and_go()
    {
        await using ApiServer server = await ApiServer.StartAsync();
        using ApiFiles files = new();
        server.Apply(
            Manifests.Namespace("shop", Asked)
            + Manifests.Namespace("other")
            + Manifests.Namespace("kube-system", Asked)
            + Manifests.Namespace("private", Asked)
            + Manifests.Pod("a", "u-a")
            + Manifests.Pod("declined", "u-d", labels: "{istio.io/dataplane-mode: none}")
            + Manifests.Pod("elsewhere", "u-e", node: "node-2")
            + Manifests.Pod("system", "u-s", "kube-system")
            + Manifests.Pod("hidden", "u-h", "private")
            + Manifests.Pod("job", "u-j", phase: "Succeeded")
            + Manifests.Pod("b", "u-b", "other"));
        await using SourceUnderTest source = new(server, files);
        await source.UntilAsync("a");

        server.Apply(Manifests.Pod("b", "u-b", "other", annotations: "{consul.hashicorp.com/connect-inject: \"true\"}"));
        await source.UntilAsync("a", "b");
        server.Apply(Manifests.Namespace("shop"));
        await source.UntilAsync("b");
        server.Apply(Manifests.Namespace("other", "{istio.io/dataplane-mode: ambient}") + Manifests.Pod("c", "u-c", "other"));
        await source.UntilAsync("b", "c");
        server.Apply(Manifests.Pod("c", "u-c", "other", phase: "Failed"));
        await source.UntilAsync("b");
        server.Delete("Pod", "other", "b");
        await source.UntilAsync();

        Assert.All(
            server.Requests.Where(request => request.StartsWith("/api/v1/pods", StringComparison.Ordinal)),
            request => Assert.StartsWith("/api/v1/pods?fieldSelector=spec.nodeName=node-1&", Uri.UnescapeDataString(request)));
    }

    [Fact]
    public async Task A_pod_is_told_as_its_object_says()
    {
        await using ApiServer server = await ApiServer.StartAsync();
        using ApiFiles files = new();
        string container = "{ports: [{name: web, containerPort: 8080}], livenessProbe: {httpGet: {path: /live, port: web}}}";
        server.Apply(Manifests.Namespace("shop", Asked) + Manifests.Pod(
            "a", "u-a", annotations: "{mesh-node.io/capture-mode: redirect, example.com/x: y}", more: container, address: "fd09::2"));
        await using SourceUnderTest source = new(server, files);
        await source.UntilAsync("a");

        PodSpec pod = Assert.Single(source.Pods!);
        Assert.Equal(("u-a", "shop/a", "cart"), (pod.Uid, pod.DisplayName, pod.ServiceAccount));
        Assert.Equal([IPAddress.Parse("fd09::2")], pod.Addresses);
        Assert.Equal(new Dictionary<string, string> { ["mesh-node.io/capture-mode"] = "redirect" }, pod.Annotations);
        Assert.Equal([new PodProbe(PodProbeKind.Http, 8080, "/live", "")], pod.Probes);
        Assert.Throws<CaptureException>(pod.OpenNetwork);
    }

    [Fact]
    public async Task A_pod_that_is_being_deleted_stays_until_it_is_gone()
    {
        await using ApiServer server = await ApiServer.StartAsync();
        using ApiFiles files = new();
        server.Apply(Manifests.Namespace("shop", Asked) + Manifests.Pod("a", "u-a") + Manifests.Pod("b", "u-b"));
        await using SourceUnderTest source = new(server, files);
        await source.UntilAsync("a", "b");
        PodSpec before = source.Pods!.Single(pod => pod.Name == "a");

        server.Apply(Manifests.Pod("a", "u-a", labels: "{mesh-node.io/capture: disabled}", deleted: "\"2026-01-02T03:04:05Z\""));
        server.Delete("Pod", "shop", "b");
        await source.UntilAsync("a");
        Assert.Same(before, Assert.Single(source.Pods!));
        server.Delete("Pod", "shop", "a");
        await source.UntilAsync();
    }

    [Fact]
    public async Task A_pod_of_the_same_name_is_another()
    {
        await using ApiServer server = await ApiServer.StartAsync();
        using ApiFiles files = new();
        server.Apply(Manifests.Namespace("shop", Asked) + Manifests.Pod("a", "u-1"));
        await using SourceUnderTest source = new(server, files);
        await source.UntilAsync("a");

        server.Delete("Pod", "shop", "a");
        server.Apply(Manifests.Pod("a", "u-2"));
        await Wait.UntilAsync(() => source.Pods is [{ Uid: "u-2" }], "the second pod of the name is named");
    }

    [Fact]
    public async Task History_that_is_gone_is_listed_anew()
    {
        await using ApiServer server = await ApiServer.StartAsync();
        using ApiFiles files = new();
        server.Apply(Manifests.Namespace("shop", Asked) + Manifests.Pod("a", "u-a"));
        await using SourceUnderTest source = new(server, files);
        await source.UntilAsync("a");

        for (int round = 0; round < 5; round++)
        {
            server.Pause();
            server.Apply(Manifests.Pod($"late-{round}", $"u-{round}"));
            server.Delete("Pod", "shop", round == 0 ? "a" : $"late-{round - 1}");
            server.Forget();
            server.Resume();
            await source.UntilAsync($"late-{round}");
        }
    }

    [Fact]
    public async Task What_was_known_holds_while_the_server_is_away()
    {
        await using ApiServer server = await ApiServer.StartAsync();
        using ApiFiles files = new();
        server.Apply(Manifests.Namespace("shop", Asked) + Manifests.Pod("a", "u-a"));
        await using SourceUnderTest source = new(server, files);
        await source.UntilAsync("a");

        server.Pause();
        await source.UntilProblemAsync("does not answer");
        Assert.Single(source.Pods!);
        server.Apply(Manifests.Pod("b", "u-b"));
        server.Resume();
        await source.UntilAsync("a", "b");
        await Wait.UntilAsync(() => source.Problems.Count == 0, "nothing is wrong any more");
    }

    [Fact]
    public async Task Nothing_is_said_before_everything_is_known()
    {
        await using ApiServer server = await ApiServer.StartAsync();
        using ApiFiles files = new();
        server.Apply(Manifests.Namespace("shop", Asked) + Manifests.Pod("a", "u-a"));
        bool isRefused = true;
        server.FaultWhile(
            () => Volatile.Read(ref isRefused),
            request => request.StartsWith("/api/v1/namespaces", StringComparison.Ordinal),
            context => ApiServer.FailAsync(context, 403, "Forbidden", "namespaces is forbidden"));
        await using SourceUnderTest source = new(server, files);

        await source.UntilProblemAsync("does not let the agent read namespaces (403: namespaces is forbidden)");
        Assert.Null(source.Pods);
        Volatile.Write(ref isRefused, false);
        await source.UntilAsync("a");
    }

    [Fact]
    public async Task The_token_is_the_one_in_the_file_now()
    {
        await using ApiServer server = await ApiServer.StartAsync();
        using ApiFiles files = new();
        server.Apply(Manifests.Namespace("shop", Asked) + Manifests.Pod("a", "u-a"));
        files.WriteToken("an-old-token");
        await using SourceUnderTest source = new(server, files);

        await source.UntilProblemAsync("401");
        files.WriteToken("two words\n");
        await source.UntilProblemAsync("holds no token");
        files.WriteToken("the-token\n");
        await source.UntilAsync("a");
    }

    [Fact]
    public async Task The_server_is_verified_against_the_root_in_the_file_now()
    {
        using ApiCertificate certificate = new();
        using ApiCertificate stranger = new();
        await using ApiServer server = await ApiServer.StartAsync(certificate);
        using ApiFiles files = new(stranger);
        server.Apply(Manifests.Namespace("shop", Asked) + Manifests.Pod("a", "u-a"));
        await using SourceUnderTest source = new(server, files);

        await source.UntilProblemAsync("certificate");
        Assert.Empty(server.Requests);
        File.WriteAllText(files.RootFile, certificate.RootPem);
        await source.UntilAsync("a");
        Assert.True(server.Protocols.ContainsKey("HTTP/2"));
    }

    [Fact]
    public async Task A_client_s_certificate_of_the_cluster_is_no_server_s()
    {
        using ApiCertificate client = new("1.3.6.1.5.5.7.3.2");
        using ApiFiles files = new(client);
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        Task<string> impostor = ServeAsync(listener, client);
        using ApiClient api = new(new KubernetesOptions
        {
            Server = $"https://{listener.LocalEndpoint}",
            TokenFile = files.TokenFile,
            RootCertificateFile = files.RootFile,
        });

        HttpRequestException refused = await Assert.ThrowsAsync<HttpRequestException>(() => api.AskAsync(
            HttpMethod.Get, "/api/v1/pods", null, 1024, TimeSpan.FromMinutes(2), TestContext.Current.CancellationToken));
        Assert.IsType<AuthenticationException>(refused.InnerException);
        Assert.Equal("", await impostor);

        static async Task<string> ServeAsync(TcpListener listener, ApiCertificate certificate)
        {
            using TcpClient asking = await listener.AcceptTcpClientAsync(TestContext.Current.CancellationToken);
            await using SslStream secured = new(asking.GetStream());
            try
            {
                await secured.AuthenticateAsServerAsync(certificate.Server);
                using StreamReader reader = new(secured);
                return await reader.ReadToEndAsync(TestContext.Current.CancellationToken);
            }
            catch (Exception left) when (left is IOException or AuthenticationException)
            {
                return "";
            }
        }
    }

    [Fact]
    public async Task A_sandbox_made_anew_while_the_pod_begins_makes_it_another()
    {
        await using ApiServer server = await ApiServer.StartAsync();
        using ApiFiles files = new();
        string first = Manifests.Pod("a", "u-a").Replace(
            "status:\n", "status:\n  initContainerStatuses: [{containerID: 'containerd://1'}]\n", StringComparison.Ordinal);
        server.Apply(Manifests.Namespace("shop", Asked) + first);
        await using SourceUnderTest source = new(server, files);
        await source.UntilAsync("a");
        PodSpec before = source.Pods![0];

        server.Apply(first.Replace("containerd://1", "containerd://2", StringComparison.Ordinal));
        await Wait.UntilAsync(() => source.Pods is [{ } now] && !now.Says(before), "the pod is another");
    }

    [Theory]
    [InlineData("10.0.0.1:443")]
    [InlineData("http://10.0.0.1:8080")]
    [InlineData("ftp://10.0.0.1")]
    public void An_address_that_is_none_is_refused(string address)
    {
        CaptureException refused = Assert.Throws<CaptureException>(() => new KubernetesPodSource(
            new KubernetesOptions { Enabled = true, Server = address },
            "node-1",
            new FollowTimes(),
            () => { },
            NullLogger.Instance,
            TimeProvider.System));
        Assert.Contains($"kubernetes.server: '{address}'", refused.Message, StringComparison.Ordinal);
    }
}
