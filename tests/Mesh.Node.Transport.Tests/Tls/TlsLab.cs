using System.Net;
using System.Net.Sockets;
using Mesh.Interop.Linux;
using Mesh.Interop.OpenSsl;
using Mesh.Node.Transport.Channels;
using Mesh.Node.Transport.EventLoops;
using Mesh.Node.Transport.Tls;
using Mesh.Testing.Certificates;
using Xunit;
using SocketOptions = Mesh.Interop.Linux.SocketOptions;

namespace Mesh.Node.Transport.Tests.Tls;

/// <summary>Two identities of one mesh, and connections between them over the loopback interface on one loop.</summary>
public sealed class TlsLab : IDisposable
{
    internal const string ClientId = "spiffe://cluster.local/ns/shop/sa/client";
    internal const string ServerId = "spiffe://cluster.local/ns/shop/sa/server";

    private const int AcceptAttemptsMax = 1_000_000;

    private readonly TestCa _root = TestCa.CreateRoot();

    public TlsLab()
    {
        Client = CreateContext(isServer: false, ClientId);
        Server = CreateContext(isServer: true, ServerId);
    }

    internal static TimeSpan Patience { get; } = TimeSpan.FromSeconds(20);

    internal TlsContext Client { get; }

    internal TlsContext Server { get; }

    public void Dispose()
    {
        Client.Dispose();
        Server.Dispose();
        _root.Dispose();
    }

    /// <summary>Two ends of one TCP connection. Loop thread.</summary>
    /// <param name="loop">Where both live.</param>
    /// <param name="bufferBytes">Asked for the buffers of both sockets, which so fill early; 0 leaves them.</param>
    internal static (TcpChannel Client, TcpChannel Server) ConnectTcp(EventLoop loop, int bufferBytes = 0)
    {
        using SocketHandle listener = Sockets.OpenTcp(AddressFamily.InterNetwork);
        Resize(listener);
        Sockets.Bind(listener, new IPEndPoint(IPAddress.Loopback, 0)).OrThrow("bind");
        Sockets.Listen(listener, 1).OrThrow("listen");
        SocketHandle client = Sockets.OpenTcp(AddressFamily.InterNetwork);
        Resize(client);
        SysResult connecting = Sockets.Connect(client, Sockets.LocalEndPoint(listener));
        Assert.True(connecting.Ok || connecting.InProgress, connecting.ToString());
        SocketHandle? server = null;
        for (int attempt = 0; server is null && attempt < AcceptAttemptsMax; attempt++)
        {
            Sockets.TryAccept(listener, out server, out _);
        }

        Assert.NotNull(server);
        TcpChannel.TryAttach(loop, client, out TcpChannel? clientChannel).OrThrow("epoll_ctl");
        TcpChannel.TryAttach(loop, server, out TcpChannel? serverChannel).OrThrow("epoll_ctl");
        return (clientChannel!, serverChannel!);

        void Resize(SocketHandle socket)
        {
            if (bufferBytes > 0)
            {
                SocketOptions.SendBufferBytes(socket, bufferBytes).OrThrow("SO_SNDBUF");
                SocketOptions.ReceiveBufferBytes(socket, bufferBytes).OrThrow("SO_RCVBUF");
            }
        }
    }

    /// <summary>Two ends of one session, before its handshake. Loop thread.</summary>
    internal TlsChannelPair Prepare(
        EventLoop loop, int bufferBytes = 0, string? acceptedByClient = null, string? acceptedByServer = null, TimeSpan? lingerLimit = null)
    {
        (TcpChannel client, TcpChannel server) = ConnectTcp(loop, bufferBytes);
        return new TlsChannelPair(
            new TlsChannel(client, Client, new OnlyPeer(acceptedByClient)) { LingerLimit = lingerLimit ?? TlsChannel.LingerLimitDefault },
            new TlsChannel(server, Server, new OnlyPeer(acceptedByServer)) { LingerLimit = lingerLimit ?? TlsChannel.LingerLimitDefault },
            client,
            server);
    }

    /// <summary>Two ends of one session, after its handshake.</summary>
    internal async ValueTask<TlsChannelPair> ConnectAsync(EventLoop loop, int bufferBytes = 0, TimeSpan? lingerLimit = null)
    {
        TlsChannelPair pair = Prepare(loop, bufferBytes, lingerLimit: lingerLimit);
        (TlsHandshakeResult client, TlsHandshakeResult server) = await pair.HandshakeAsync();
        Assert.Equal((TlsHandshakeStatus.Done, TlsHandshakeStatus.Done), (client.Status, server.Status));
        return pair;
    }

    private TlsContext CreateContext(bool isServer, string id)
    {
        TestCertificate certificate = _root.Issue(id);
        return TlsContext.Create(new TlsContextOptions
        {
            IsServer = isServer,
            CertificateChainPem = certificate.ChainPem,
            PrivateKeyPkcs8 = certificate.PrivateKeyPkcs8,
            TrustedRootsPem = _root.CertificatePem,
            TrustDomains = ["cluster.local"],
        });
    }

    private sealed class OnlyPeer(string? uri) : IPeerVerifier
    {
        public bool Accept(in PeerCertificateFacts facts, out string? reason)
        {
            reason = uri is null || facts.UriSan == uri ? null : "not the peer this connection is for";
            return reason is null;
        }
    }
}

/// <summary>Both ends of a session and the TCP channels below them.</summary>
internal sealed record TlsChannelPair(TlsChannel Client, TlsChannel Server, TcpChannel ClientTcp, TcpChannel ServerTcp)
{
    public async ValueTask<(TlsHandshakeResult Client, TlsHandshakeResult Server)> HandshakeAsync()
    {
        ValueTask<TlsHandshakeResult> client = Client.HandshakeAsync(TlsLab.Patience);
        ValueTask<TlsHandshakeResult> server = Server.HandshakeAsync(TlsLab.Patience);
        return (await client, await server);
    }

    public void Close()
    {
        Client.Close();
        Server.Close();
    }
}

/// <summary>Takes every peer whose certificate stands up.</summary>
internal sealed class AnyPeer : IPeerVerifier
{
    public bool Accept(in PeerCertificateFacts facts, out string? reason)
    {
        reason = null;
        return true;
    }
}
