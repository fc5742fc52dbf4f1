using System.Text;
using Mesh.Node.Protocols.Probes;

namespace Mesh.Node.Protocols.Tests.Probes;

/// <summary>Goal: of HTTP only a GET of a declared path goes on. Method: requests as bytes, whole and a byte at a time.</summary>
public sealed class HttpProbeTests
{
    private const string Kubelet =
        "GET /healthz?full=1 HTTP/1.1\r\nHost: 10.1.0.7:8080\r\nUser-Agent: kube-probe/1.34\r\nAccept: */*\r\nConnection: close\r\n\r\n";

    private static readonly ProbeRequests s_allowed = new(["/healthz?full=1", "/a b/ü", "/ready%20now"], []);

    [Theory]
    [InlineData(Kubelet)]
    [InlineData("GET /a%20b/%C3%BC HTTP/1.1\r\nhost:x\r\n\r\n")]
    [InlineData("GET /ready%20now HTTP/1.1\r\nHost: x\r\nX-Probe: \ta b\r\n\r\n")]
    public void A_probe_of_a_declared_path_goes_on_whole_and_not_before(string request)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(request);
        Assert.Equal(ProbeVerdict.Release(bytes.Length), new ProbeGuard(s_allowed).Judge(bytes));

        var guard = new ProbeGuard(s_allowed);
        for (int length = 1; length < bytes.Length; length++)
        {
            Assert.Equal(ProbeVerdict.NeedMore, guard.Judge(bytes.AsSpan(0, length)));
        }

        Assert.Equal(ProbeVerdict.Release(bytes.Length), guard.Judge(bytes));
    }

    [Fact]
    public void Each_request_on_a_connection_is_judged()
    {
        var guard = new ProbeGuard(s_allowed);
        byte[] first = Encoding.UTF8.GetBytes(Kubelet);
        byte[] both = [.. first, .. "GET /admin HTTP/1.1\r\nHost: x\r\n\r\n"u8];
        Assert.Equal(ProbeVerdict.Release(first.Length), guard.Judge(both));
        Assert.NotNull(guard.Judge(both.AsSpan(first.Length)).Refusal);
    }

    [Theory]
    [InlineData("GET /admin HTTP/1.1\r\nHost: x\r\n\r\n", "another path")]
    [InlineData("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", "another path")]
    [InlineData("GET /healthz?full=1/../admin HTTP/1.1\r\nHost: x\r\n\r\n", "another path")]
    [InlineData("GET http://x/healthz?full=1 HTTP/1.1\r\nHost: x\r\n\r\n", "another path")]
    [InlineData("GET  /healthz?full=1 HTTP/1.1\r\nHost: x\r\n\r\n", "another path")]
    [InlineData("GET /healthz?full=1 HTTP/1.0\r\nHost: x\r\n\r\n", "no GET over HTTP/1.1")]
    [InlineData("GET HTTP/1.1\r\nHost: x\r\n\r\n", "no GET over HTTP/1.1")]
    [InlineData("POST /healthz?full=1 HTTP/1.1\r\nHost: x\r\n\r\n", "no request of a kind")]
    [InlineData("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "no request of a kind")]
    [InlineData("GET /healthz?full=1 HTTP/1.1\r\n\r\n", "no Host")]
    [InlineData("GET /healthz?full=1 HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", "no Host, or several")]
    [InlineData("GET /healthz?full=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabcde", "content-length")]
    [InlineData("GET /healthz?full=1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", "transfer-encoding")]
    [InlineData("GET /healthz?full=1 HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\n\r\n", "upgrade")]
    [InlineData("GET /healthz?full=1 HTTP/1.1\r\nHost: x\r\nX-Rewrite-URL: /admin\r\n\r\n", "x-rewrite-url")]
    [InlineData("GET /healthz?full=1 HTTP/1.1\r\nHost: x\r\nX-HTTP-Method-Override: DELETE\r\n\r\n", "x-http-method-override")]
    [InlineData("GET /healthz?full=1 HTTP/1.1\r\nHost : x\r\n\r\n", "no proper name")]
    [InlineData("GET /healthz?full=1 HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n", "no proper name")]
    [InlineData("GET /healthz?full=1 HTTP/1.1\r\n: x\r\n\r\n", "no proper name")]
    [InlineData("GET /healthz?full=1 HTTP/1.1\r\nHost: x\nGET /admin HTTP/1.1\r\n\r\n", "no probe sends")]
    [InlineData("GET /healthz?full=1 HTTP/1.1\r\nHost: x\rGET /admin HTTP/1.1\r\n\r\n", "no probe sends")]
    [InlineData("GET /healthz?full=1 HTTP/1.1\r\nHost: x\0\r\n\r\n", "no probe sends")]
    [InlineData("GET /healthz?full=1 HTTP/1.1\nHost: x\n\n\r\n\r\n", "no GET over HTTP/1.1")]
    public void Anything_else_is_refused_by_name(string request, string reason)
    {
        ProbeVerdict verdict = new ProbeGuard(s_allowed).Judge(Encoding.UTF8.GetBytes(request));
        Assert.Equal(0, verdict.ReleasedBytes);
        Assert.Contains(reason, verdict.Refusal, StringComparison.Ordinal);
    }

    [Fact]
    public void A_head_has_a_limit_in_bytes_and_in_fields()
    {
        byte[] endless = Encoding.UTF8.GetBytes("GET /healthz?full=1 HTTP/1.1\r\nHost: " + new string('x', 9_000));
        Assert.Contains("longer than 8192", new ProbeGuard(s_allowed).Judge(endless).Refusal, StringComparison.Ordinal);
        string fields = string.Concat(Enumerable.Repeat("a: b\r\n", 64));
        byte[] many = Encoding.UTF8.GetBytes($"GET /healthz?full=1 HTTP/1.1\r\nHost: x\r\n{fields}\r\n");
        Assert.Contains("more than 64 fields", new ProbeGuard(s_allowed).Judge(many).Refusal, StringComparison.Ordinal);
    }

    [Fact]
    public void Where_a_probe_only_connects_nothing_may_be_said() =>
        Assert.Contains("sends nothing", new ProbeGuard(new ProbeRequests([], [])).Judge("G"u8).Refusal, StringComparison.Ordinal);
}
