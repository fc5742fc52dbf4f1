using System.Collections.Immutable;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text;
using Mesh.Node.Model.Routing;
using Mesh.Node.Model.Traffic;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Proxy.Telemetry;
using Mesh.Node.Proxy.Tests.Paths;
using Mesh.Testing;
using Mesh.Testing.Certificates;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Http;

/// <summary>
/// Goal: where a rule asks for TLS towards a server outside the mesh, nothing leaves without it, and it is that server and no other. Method:
/// servers of .NET with certificates of every kind, asked in plain by a pod.
/// </summary>
public sealed class OriginatedTlsTests : IDisposable
{
    private const int Port = 8_000;
    private const string Host = "api.example.org";

    private readonly TestCa _ca = TestCa.CreateRoot("public root");
    private readonly TestCa _other = TestCa.CreateRoot("another root");
    private readonly DirectoryInfo _files = Directory.CreateTempSubdirectory("mesh-tls-files");

    public OriginatedTlsTests() => File.WriteAllText(PathOf("ca.pem"), _ca.CertificatePem);

    public void Dispose()
    {
        _ca.Dispose();
        _other.Dispose();
        _files.Delete(recursive: true);
    }

    [LabFact]
    public async Task Requests_share_a_session_of_their_own_pod_for_the_host_of_their_service()
    {
        await using HttpLab lab = await StartAsync();
        LabPod stranger = await lab.Node.AddStrangerAsync("stranger");
        LabPod second = await lab.Node.AddPodAsync("second");
        TlsApp app = TlsApp.Start(stranger, Port, IssueFor(Host));
        AddEntry(lab, stranger, PortProtocol.Http, new TlsOrigination { RootsFile = "ca.pem" });
        Assert.EndsWith("secure", await AskAsync(lab.Client, stranger, "/1"), StringComparison.Ordinal);
        Assert.EndsWith("secure", await AskAsync(lab.Client, stranger, "/2"), StringComparison.Ordinal);
        Assert.EndsWith("secure", await AskAsync(second, stranger, "/3"), StringComparison.Ordinal);
        Assert.Equal(["GET /1 HTTP/1.1", "GET /2 HTTP/1.1", "GET /3 HTTP/1.1"], app.Heads);

        // Loops have pools of their own, so one pod may have two; never do two pods have one.
        Assert.InRange(app.Sessions.Count, 2, 3);
        Assert.All(app.Sessions, session => Assert.Equal($"{Host} Tls13 http/1.1 ", session));
    }

    public static TheoryData<string> Accepted => ["wildcard", "listed", "uri", "asked", "unverified", "tls12", "mutual", "absolute"];

    [LabTheory]
    [MemberData(nameof(Accepted))]
    public async Task A_server_is_accepted_by_what_its_rule_says(string what)
    {
        await using HttpLab lab = await StartAsync();
        LabPod stranger = await lab.Node.AddStrangerAsync("stranger");
        TestCertificate ours = _ca.Issue("spiffe://elsewhere/client");
        File.WriteAllText(PathOf("client.pem"), ours.ChainPem);
        File.WriteAllText(PathOf("client.key"), ours.PrivateKeyPem);
        TestCertificate theirs = what switch
        {
            "wildcard" => IssueFor("*.example.org"),
            "listed" => IssueFor("else.example.net"),
            "uri" => _ca.Issue("spiffe://elsewhere/api"),
            "asked" => IssueFor("asked.example.net"),
            "unverified" => _other.Issue("spiffe://elsewhere/api"),
            _ => IssueFor(Host),
        };
        TlsOrigination rule = what switch
        {
            "listed" => new TlsOrigination { RootsFile = "ca.pem", AcceptedNames = ["a.example.net", "else.example.net"] },
            "uri" => new TlsOrigination { RootsFile = "ca.pem", AcceptedNames = ["spiffe://elsewhere/api"] },
            "asked" => new TlsOrigination { RootsFile = "ca.pem", ServerName = "asked.example.net" },
            "unverified" => new TlsOrigination { SkipsVerification = true },
            "mutual" => new TlsOrigination { RootsFile = "ca.pem", CertificateFile = "client.pem", KeyFile = "client.key" },
            "absolute" => new TlsOrigination { RootsFile = PathOf("ca.pem") },
            _ => new TlsOrigination { RootsFile = "ca.pem" },
        };
        SslProtocols protocols = what == "tls12" ? SslProtocols.Tls12 : SslProtocols.Tls12 | SslProtocols.Tls13;
        TlsApp app = TlsApp.Start(stranger, Port, theirs, asksForCertificate: what == "mutual", protocols);
        AddEntry(lab, stranger, PortProtocol.Http, rule);
        Assert.EndsWith("secure", await AskAsync(lab.Client, stranger, "/"), StringComparison.Ordinal);
        string session = Assert.Single(app.Sessions);
        Assert.StartsWith(what == "asked" ? "asked.example.net " : $"{Host} ", session, StringComparison.Ordinal);
        Assert.EndsWith(what == "mutual" ? ours.SerialNumber : "http/1.1 ", session, StringComparison.OrdinalIgnoreCase);
        Assert.Contains(what == "tls12" ? " Tls12 " : " Tls13 ", session, StringComparison.Ordinal);
    }

    public static TheoryData<string, string> Refused => new()
    {
        { "name", "is not for api.example.org" },
        { "subject", "is not for api.example.org" },
        { "listed", "is not for a.example.net" },
        { "authority", "unable to get local issuer certificate" },
        { "expired", "certificate has expired" },
        { "missing", "cannot be read" },
        { "outside", "where files for TLS must be" },
        { "key", "is no unencrypted private key" },
    };

    [LabTheory]
    [MemberData(nameof(Refused))]
    public async Task Nothing_is_sent_to_a_server_that_is_not_the_one(string what, string why)
    {
        await using HttpLab lab = await StartAsync();
        LabPod stranger = await lab.Node.AddStrangerAsync("stranger");
        File.WriteAllText(PathOf("client.pem"), IssueFor("client").ChainPem);
        TestCertificate theirs = what switch
        {
            "name" or "subject" => _ca.Issue($"spiffe://{Host}/", new TestCertificateOptions { DnsNames = ["example.org", "a.api.example.org"] }),
            "authority" => _other.Issue("spiffe://elsewhere/api", new TestCertificateOptions { DnsNames = [Host] }),
            "expired" => _ca.Issue(
                "spiffe://elsewhere/api",
                new TestCertificateOptions { DnsNames = [Host], ValidFrom = TimeSpan.FromHours(-2), ValidUntil = TimeSpan.FromHours(-1) }),
            _ => IssueFor(Host),
        };
        TlsOrigination rule = what switch
        {
            "listed" => new TlsOrigination { RootsFile = "ca.pem", AcceptedNames = ["a.example.net"] },
            "missing" => new TlsOrigination { RootsFile = "missing.pem" },
            "outside" => new TlsOrigination { RootsFile = "/etc/hostname" },
            "key" => new TlsOrigination { RootsFile = "ca.pem", CertificateFile = "client.pem", KeyFile = "ca.pem" },
            _ => new TlsOrigination { RootsFile = "ca.pem" },
        };
        TlsApp app = TlsApp.Start(stranger, Port, theirs);
        AddEntry(lab, stranger, PortProtocol.Http, rule);
        Assert.StartsWith("HTTP/1.1 503 ", await AskAsync(lab.Client, stranger, "/refused"), StringComparison.Ordinal);
        await lab.Node.WaitForLineAsync("GET /refused HTTP/1.1", "UF", why);
        Assert.Empty(app.Heads);
    }

    [LabFact]
    public async Task Bytes_go_in_TLS_too_and_without_it_nowhere()
    {
        await using HttpLab lab = await StartAsync();
        LabPod stranger = await lab.Node.AddStrangerAsync("stranger");
        TlsApp app = TlsApp.Start(stranger, Port, IssueFor(Host));
        AddEntry(lab, stranger, PortProtocol.Tcp, new TlsOrigination { RootsFile = "ca.pem" });
        using (Socket client = await lab.Client.ConnectAsync(stranger.Address, Port))
        {
            Assert.Equal("SET key 1\r\n", await LabPod.AskAsync(client, "SET key 1\r\n"));
        }

        Assert.Equal([$"{Host} Tls13  "], app.Sessions);
        AddEntry(lab, stranger, PortProtocol.Tcp, new TlsOrigination { RootsFile = "ca.pem", ServerName = "else.example.org" });
        Assert.Equal("<reset>", await HttpLab.AskToEndAsync(lab.Client.ConnectAsync(stranger.Address, Port), []));

        await lab.Node.WaitForLineAsync($"close_reason={CloseReason.PeerIdentityRejected}", "is not for else.example.org");
        AddEntry(lab, stranger, PortProtocol.Tcp, new TlsOrigination { RootsFile = "missing.pem" });
        Assert.Equal("<reset>", await HttpLab.AskToEndAsync(lab.Client.ConnectAsync(stranger.Address, Port), []));

        await lab.Node.WaitForLineAsync($"close_reason={CloseReason.TlsSettingsUnusable}", "missing.pem cannot be read");
    }

    [LabFact]
    public async Task HTTP2_is_agreed_on_with_a_server_of_a_port_that_speaks_it()
    {
        await using HttpLab lab = await StartAsync();
        LabPod stranger = await lab.Node.AddStrangerAsync("stranger");
        await using HttpApp app = await HttpApp.StartAsync(
            stranger,
            Port,
            context => context.Response.WriteAsync($"{context.Request.Protocol} {context.Request.Scheme}"),
            HttpProtocols.Http1AndHttp2,
            certificate: IssueFor(Host));
        AddEntry(lab, stranger, PortProtocol.Http2, new TlsOrigination { RootsFile = "ca.pem" });
        Assert.Contains("HTTP/2 https", await AskAsync(lab.Client, stranger, "/"), StringComparison.Ordinal);
        AddEntry(lab, stranger, PortProtocol.Http, new TlsOrigination { RootsFile = "ca.pem" });
        Assert.Contains("HTTP/1.1 https", await AskAsync(lab.Client, stranger, "/"), StringComparison.Ordinal);
    }

    [LabFact]
    public async Task A_file_that_changes_is_read_again_and_one_that_is_gone_changes_nothing()
    {
        await using HttpLab lab = await StartAsync();
        LabPod stranger = await lab.Node.AddStrangerAsync("stranger");
        TlsApp.Start(stranger, Port, IssueFor(Host));
        File.WriteAllText(PathOf("renewed.pem"), _other.CertificatePem);
        AddEntry(lab, stranger, PortProtocol.Http, new TlsOrigination { RootsFile = "renewed.pem" });
        Assert.StartsWith("HTTP/1.1 503 ", await AskAsync(lab.Client, stranger, "/"), StringComparison.Ordinal);
        File.WriteAllText(PathOf("renewed.pem"), $"{_other.CertificatePem}\n{_ca.CertificatePem}");
        await Eventually.TrueAsync(
            async () => (await AskAsync(lab.Client, stranger, "/")).EndsWith("secure", StringComparison.Ordinal), LabNode.Patience);
        File.Delete(PathOf("renewed.pem"));
        Assert.EndsWith("secure", await AskAsync(lab.Client, stranger, "/"), StringComparison.Ordinal);
    }

    [LabFact]
    public async Task A_file_behind_links_that_stay_is_read_again_when_they_lead_elsewhere()
    {
        await using HttpLab lab = await StartAsync();
        LabPod stranger = await lab.Node.AddStrangerAsync("stranger");
        TlsApp.Start(stranger, Port, IssueFor(Host));
        foreach ((string folder, TestCa ca) in new[] { ("..1", _other), ("..2", _ca) })
        {
            Directory.CreateDirectory(PathOf(folder));
            File.WriteAllText(Path.Combine(PathOf(folder), "linked.pem"), ca.CertificatePem);
        }

        Directory.CreateSymbolicLink(PathOf("..data"), "..1");
        File.CreateSymbolicLink(PathOf("linked.pem"), Path.Combine("..data", "linked.pem"));
        AddEntry(lab, stranger, PortProtocol.Http, new TlsOrigination { RootsFile = "linked.pem" });
        Assert.StartsWith("HTTP/1.1 503 ", await AskAsync(lab.Client, stranger, "/"), StringComparison.Ordinal);
        Directory.Delete(PathOf("..data"));
        Directory.CreateSymbolicLink(PathOf("..data"), "..2");
        await Eventually.TrueAsync(
            async () => (await AskAsync(lab.Client, stranger, "/")).EndsWith("secure", StringComparison.Ordinal), LabNode.Patience);
    }

    private Task<HttpLab> StartAsync() => HttpLab.StartAsync(options: new ProxyOptions { TlsFilesDirectory = _files.FullName });

    private string PathOf(string name) => Path.Combine(_files.FullName, name);

    private TestCertificate IssueFor(string host) =>
        _ca.Issue("spiffe://elsewhere/api", new TestCertificateOptions { DnsNames = [host] });

    /// <summary>An entry of one endpoint, with a rule for it.</summary>
    private static void AddEntry(HttpLab lab, LabPod at, PortProtocol protocol, TlsOrigination tls)
    {
        var service = new Service("shop", Host)
        {
            Name = "api",
            Reach = protocol == PortProtocol.Tcp ? ServiceReach.Port : ServiceReach.Names,
            Ports = [new ServicePort(Port, Port, protocol)],
        };
        lab.Node.Configure(mesh =>
        {
            mesh.SetService(service);
            mesh.SetWorkload(at.Workload with
            {
                Uid = "Kubernetes/networking.istio.io/ServiceEntry/shop/api",
                Node = "",
                TunnelProtocol = TunnelProtocol.None,
                Services = [new ServiceMembership(service.Key, [])],
            });
            mesh.SetTraffic(new ServiceTraffic(
                service.Key,
                new TrafficScope(
                    ImmutableDictionary<ushort, RouteTable>.Empty,
                    new PortPolicies(new TrafficPolicy { Tls = tls }),
                    ImmutableDictionary<string, TrafficSubset>.Empty)));
        });
    }

    private static async Task<string> AskAsync(LabPod from, LabPod at, string path)
    {
        using Socket client = await from.ConnectAsync(at.Address, Port);
        await client.SendAsync(Encoding.ASCII.GetBytes($"GET {path} HTTP/1.1\r\nhost: {Host}\r\nconnection: close\r\n\r\n"));
        return await HttpLab.ReadToEndAsync(client);
    }
}
