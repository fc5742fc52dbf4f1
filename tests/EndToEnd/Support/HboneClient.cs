using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Mesh.Lab;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http2;
using Mesh.Testing.Certificates;

namespace Mesh.EndToEnd.Support;

/// <summary>
/// A peer that is no proxy of the mesh: it speaks TLS by the class library's engine, with whatever certificate a test gives it, and asks
/// one
/// CONNECT. What the mesh makes of it is what a test asserts.
/// </summary>
internal sealed class HboneClient : IHttp2Handler
{
    /// <summary>The port proxies take mutual TLS on.</summary>
    public const int Port = 15008;

    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(30);

    private string? _status;

    /// <summary>Asks for a tunnel.</summary>
    /// <param name="certificate">Null: none is presented.</param>
    /// <param name="authority">What the CONNECT names.</param>
    /// <param name="method">Another than CONNECT asks for a page of the authority.</param>
    /// <returns>The status of the answer; null when the peer ended or reset the connection instead.</returns>
    public static async Task<string?> AskAsync(
        LabPod from,
        IPAddress server,
        TestCertificate? certificate,
        string authority,
        SslProtocols protocols = SslProtocols.Tls13,
        string alpn = "h2",
        string method = "CONNECT")
    {
        using var limit = new CancellationTokenSource(s_limit);
        using Socket socket = await from.ConnectAsync(new IPEndPoint(server, Port), limit.Token);
        await using var tls = new SslStream(new NetworkStream(socket));
        try
        {
            await tls.AuthenticateAsClientAsync(TlsOptions(certificate, protocols, alpn), limit.Token);
            return await new HboneClient().AskAsync(tls, authority, method, limit.Token);
        }
        catch (Exception exception) when (exception is AuthenticationException or IOException)
        {
            return null;
        }
    }

    public void OnHeaders(Http2Stream stream, HeaderList headers, bool endStream)
    {
        if (headers.TryGet(":status"u8, out ReadOnlySpan<byte> status))
        {
            _status = Encoding.ASCII.GetString(status);
        }
    }

    public void OnData(Http2Stream stream, ReadOnlySpan<byte> data, bool endStream)
    {
    }

    public void OnStreamReset(Http2Stream stream, Http2ErrorCode code, bool byPeer)
    {
    }

    public void OnSendWindowOpened(Http2Stream? stream)
    {
    }

    public void OnGoAway(int lastStreamId, Http2ErrorCode code)
    {
    }

    public void OnPingAck(ulong opaque)
    {
    }

    public void OnSettingsChanged()
    {
    }

    public void OnStreamClosed(Http2Stream stream)
    {
    }

    /// <summary>Presents a certificate, when there is one, and takes whatever the server presents.</summary>
    internal static SslClientAuthenticationOptions TlsOptions(
        TestCertificate? certificate, SslProtocols protocols = SslProtocols.Tls13, string alpn = "h2")
    {
        var options = new SslClientAuthenticationOptions
        {
            TargetHost = "",
            EnabledSslProtocols = protocols,
            ApplicationProtocols = [new SslApplicationProtocol(alpn)],
#pragma warning disable CA5359 // The server's certificate is not what these tests are about: they are the intruder.
            RemoteCertificateValidationCallback = static (_, _, _, _) => true,
#pragma warning restore CA5359
        };
        if (certificate is not null)
        {
            var chain = new X509Certificate2Collection();
            chain.ImportFromPem(certificate.ChainPem);
            X509Certificate2 leaf = X509Certificate2.CreateFromPem(certificate.ChainPem, certificate.PrivateKeyPem);
            options.ClientCertificateContext = SslStreamCertificateContext.Create(leaf, chain, offline: true);
        }

        return options;
    }

    private async Task<string?> AskAsync(SslStream tls, string authority, string method, CancellationToken cancellation)
    {
        var connection = new Http2Connection(Http2Role.Client, new Http2ConnectionOptions(), this);
        connection.Start();
        var request = new HeaderList();
        request.Add(":method"u8, Encoding.ASCII.GetBytes(method));
        request.Add(":authority"u8, Encoding.ASCII.GetBytes(authority));
        if (method != "CONNECT")
        {
            request.Add(":scheme"u8, "https"u8);
            request.Add(":path"u8, "/"u8);
        }

        connection.TryOpenStream(request, endStream: false, tag: null, out _);
        byte[] buffer = new byte[16 * 1024];
        while (_status is null)
        {
            await tls.WriteAsync(connection.Output.Unsent.ToArray(), cancellation);
            connection.Output.Advance(connection.Output.UnsentBytes);
            int bytes = await tls.ReadAsync(buffer, cancellation);
            if (bytes == 0 || connection.Receive(buffer.AsSpan(0, bytes), Environment.TickCount64) != Http2ReceiveStatus.Ok)
            {
                return _status;
            }
        }

        return _status;
    }
}
