using System.Buffers.Text;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Mesh.Lab;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Mesh.EndToEnd.Talks;

/// <summary>
/// What stands for the world outside: an HTTPS server in a pod that is not captured, under the names of the talk's issuer and of another
/// site. It publishes the issuer's keys where the talk's manifest looks for them. The control plane is made to find and to trust it as a
/// machine's files make it: by /etc/hosts and by the certificates below /etc/ssl.
/// </summary>
internal sealed class Keycloak : IAsyncDisposable
{
    public const string Host = "keycloak.example";
    public const string OtherHost = "www.googleapis.com";
    public const string Greeting = "outside";
    private const string Issuer = $"https://{Host}/auth/realms/servicemesh";
    private const string KeyPath = "/auth/realms/servicemesh/protocol/openid-connect/certs";
    private const string ControlFiles = "/run/mesh-lab/etc/control";
    private const int Port = 443;

    private readonly WebApplication _app;
    private readonly RSA _key;

    private Keycloak(WebApplication app, RSA key, LabPod pod, string certificatePem) =>
        (_app, _key, Pod, CertificatePem) = (app, key, pod, certificatePem);

    /// <summary>Where it is.</summary>
    public LabPod Pod { get; }

    /// <summary>What vouches for it: its certificate itself.</summary>
    public string CertificatePem { get; }

    public static async Task<Keycloak> StartAsync(MeshLab lab)
    {
        LabPod pod = await lab.PodAsync("outside/server-2");
        var key = RSA.Create(2048);
        X509Certificate2 certificate = SelfSigned();
        System.Net.Sockets.Socket listener = await pod.ListenAsync(Port);
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(options => options.ListenAnyIP(Port, listen => listen.UseHttps(certificate)));
        builder.Services.Configure<SocketTransportOptions>(options => options.CreateBoundListenSocket = _ => listener);
        WebApplication app = builder.Build();
        string keys = KeysOf(key);
        app.Run(context => context.Response.WriteAsync(context.Request.Path == KeyPath ? keys : Greeting));
        await app.StartAsync();
        var keycloak = new Keycloak(app, key, pod, certificate.ExportCertificatePem());
        await keycloak.IntroduceAsync(lab);
        return keycloak;
    }

    /// <summary>A token of the issuer that is valid for an hour.</summary>
    /// <param name="claims">What it says beside who it is of.</param>
    public string Token(params (string Name, string Value)[] claims) => Sign(_key, claims);

    /// <summary>One that somebody else has signed in the issuer's name.</summary>
    public static string ForgedToken(params (string Name, string Value)[] claims)
    {
        using var key = RSA.Create(2048);
        return Sign(key, claims);
    }

    public async ValueTask DisposeAsync()
    {
        using var now = new CancellationTokenSource(TimeSpan.Zero);
        await _app.StopAsync(now.Token);
        await _app.DisposeAsync();
        _key.Dispose();
    }

    private static X509Certificate2 SelfSigned()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={Host}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(Host);
        names.AddDnsName(OtherHost);
        request.CertificateExtensions.Add(names.Build());
        DateTimeOffset now = TimeProvider.System.GetUtcNow();
        return request.CreateSelfSigned(now.AddHours(-1), now.AddDays(1));
    }

    private static string KeysOf(RSA key)
    {
        RSAParameters parts = key.ExportParameters(includePrivateParameters: false);
        return $$"""
            {"keys":[{"kty":"RSA","kid":"k","n":"{{Base64Url.EncodeToString(parts.Modulus)}}","e":"{{Base64Url.EncodeToString(parts.Exponent)}}"}]}
            """;
    }

    private static string Sign(RSA key, (string Name, string Value)[] claims)
    {
        var content = new JsonObject
        {
            ["iss"] = Issuer,
            ["sub"] = "jason",
            ["exp"] = TimeProvider.System.GetUtcNow().AddHours(1).ToUnixTimeSeconds(),
        };
        foreach ((string name, string value) in claims)
        {
            content[name] = value;
        }

        string text = $"{Encode("""{"alg":"RS256","kid":"k"}""")}.{Encode(content.ToJsonString())}";
        byte[] signature = key.SignData(Encoding.ASCII.GetBytes(text), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        return $"{text}.{Base64Url.EncodeToString(signature)}";
    }

    private static string Encode(string text) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(text));

    /// <summary>A program finds its files when it starts.</summary>
    private async Task IntroduceAsync(MeshLab lab)
    {
        string files = lab.PathInside(ControlFiles);
        Directory.CreateDirectory(Path.Combine(files, "ssl", "certs"));
        await File.WriteAllTextAsync(Path.Combine(files, "hosts"), $"127.0.0.1 localhost\n{Pod.Address4} {Host}\n");
        await File.WriteAllTextAsync(Path.Combine(files, "ssl", "certs", "ca-certificates.crt"), CertificatePem + "\n");
        await lab.StopAsync("control");
        await lab.StartAsync("control");
    }
}
