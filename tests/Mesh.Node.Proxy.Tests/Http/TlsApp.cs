using System.Collections.Concurrent;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Mesh.Node.Proxy.Tests.Paths;
using Mesh.Testing.Certificates;

namespace Mesh.Node.Proxy.Tests.Http;

/// <summary>A server in TLS, on an engine the proxy's author did not write. It answers requests of HTTP/1, and echoes what is none.</summary>
internal sealed class TlsApp
{
    private readonly ConcurrentQueue<string> _heads = new();
    private readonly ConcurrentQueue<string> _sessions = new();
    private readonly X509Certificate2 _certificate;
    private readonly bool _asksForCertificate;
    private readonly SslProtocols _protocols;

    private TlsApp(TestCertificate certificate, bool asksForCertificate, SslProtocols protocols)
    {
        _certificate = X509Certificate2.CreateFromPem(certificate.ChainPem, certificate.PrivateKeyPem);
        _asksForCertificate = asksForCertificate;
        _protocols = protocols;
    }

    /// <summary>The first lines of what was asked.</summary>
    public IReadOnlyCollection<string> Heads => _heads;

    /// <summary>The sessions that stood: host asked for, version, protocol agreed on, and name of the client's certificate.</summary>
    public IReadOnlyCollection<string> Sessions => _sessions;

    public static TlsApp Start(
        LabPod pod,
        int port,
        TestCertificate certificate,
        bool asksForCertificate = false,
        SslProtocols protocols = SslProtocols.Tls12 | SslProtocols.Tls13)
    {
        var app = new TlsApp(certificate, asksForCertificate, protocols);
        _ = app.AcceptAsync(pod.Listen(port));
        return app;
    }

    private async Task AcceptAsync(Socket listener)
    {
        try
        {
            while (true)
            {
                _ = ServeAsync(await listener.AcceptAsync());
            }
        }
        catch (Exception ended) when (ended is SocketException or ObjectDisposedException)
        {
            // The pod is gone.
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        try
        {
            await using var tls = new SslStream(new NetworkStream(socket, ownsSocket: true));
            await tls.AuthenticateAsServerAsync(new SslServerAuthenticationOptions
            {
                ServerCertificate = _certificate,
                EnabledSslProtocols = _protocols,
                ClientCertificateRequired = _asksForCertificate,
                CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
                RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate is not null || !_asksForCertificate,
                ApplicationProtocols = [SslApplicationProtocol.Http11],
            });
            _sessions.Enqueue($"{tls.TargetHostName} {tls.SslProtocol} {tls.NegotiatedApplicationProtocol} {tls.RemoteCertificate?.GetSerialNumberString()}");
            byte[] part = new byte[16_384];
            while (await tls.ReadAsync(part) is int bytes and > 0)
            {
                string text = Encoding.ASCII.GetString(part, 0, bytes);
                bool isRequest = text.StartsWith("GET ", StringComparison.Ordinal);
                if (isRequest)
                {
                    _heads.Enqueue(text[..text.IndexOf('\r', StringComparison.Ordinal)]);
                }

                await tls.WriteAsync(Encoding.ASCII.GetBytes(isRequest ? "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsecure" : text));
            }
        }
        catch (Exception ended) when (ended is IOException or AuthenticationException or ObjectDisposedException)
        {
            // The client did not like it, or is gone.
        }
    }
}
