using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Mesh.Testing.Certificates;

namespace Mesh.Node.Proxy.Tests.Paths;

/// <summary>
/// TLS of the class library for the peers a test plays: HBONE's protocol and version, and whatever certificate is presented taken.
/// </summary>
#pragma warning disable CA5359 // The proxy's certificate is not what these tests are about: they play its peers.
internal static class RawTls
{
    private static readonly List<SslApplicationProtocol> s_protocols = [SslApplicationProtocol.Http2];

    public static async Task<SslStream> ConnectAsync(Stream stream, TestCertificate certificate)
    {
        var tls = new SslStream(stream);
        using var limit = new CancellationTokenSource(LabNode.Patience);
        await tls.AuthenticateAsClientAsync(
            new SslClientAuthenticationOptions
            {
                TargetHost = "",
                EnabledSslProtocols = SslProtocols.Tls13,
                ApplicationProtocols = s_protocols,
                RemoteCertificateValidationCallback = AcceptAny,
                ClientCertificateContext = ContextOf(certificate),
            },
            limit.Token);
        return tls;
    }

    public static async Task<SslStream> AcceptAsync(Stream stream, TestCertificate certificate)
    {
        var tls = new SslStream(stream);
        using var limit = new CancellationTokenSource(LabNode.Patience);
        await tls.AuthenticateAsServerAsync(
            new SslServerAuthenticationOptions
            {
                EnabledSslProtocols = SslProtocols.Tls13,
                ApplicationProtocols = s_protocols,
                ClientCertificateRequired = true,
                RemoteCertificateValidationCallback = AcceptAny,
                ServerCertificateContext = ContextOf(certificate),
            },
            limit.Token);
        return tls;
    }

    private static bool AcceptAny(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors) => true;

    private static SslStreamCertificateContext ContextOf(TestCertificate certificate) => SslStreamCertificateContext.Create(
        X509Certificate2.CreateFromPem(certificate.ChainPem, certificate.PrivateKeyPem), additionalCertificates: null, offline: true);
}
#pragma warning restore CA5359
