using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Mesh.Interop.Linux;
using Mesh.Interop.OpenSsl;
using Mesh.Interop.Tests.Linux;
using Mesh.Testing.Certificates;
using Mesh.Testing.Tls;
using Xunit;

namespace Mesh.Interop.Tests.OpenSsl;

/// <summary>
/// Goal: unmodified peers can speak with us, and can do nothing we forbid. Method: `openssl s_client` and `s_server` over loopback, with
/// options no peer of ours has: old versions, no certificate, tickets, key updates, resumption.
/// </summary>
public sealed class OpenSslPeerTests(MeshCertificates mesh) : IClassFixture<MeshCertificates>
{
    private const int CertificateRequired = 116;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    [Fact]
    public void S_client_with_an_identity_is_a_peer_like_any_other()
    {
        using Acceptor acceptor = new(mesh);
        acceptor.StartClient(mesh.Client, "-alpn", "h2", "-servername", "not.used");

        Assert.Equal(TlsStatus.Done, acceptor.Handshake());
        Assert.Equal(MeshCertificates.ClientId, acceptor.Session.PeerUriSan);
        Assert.Equal("h2", acceptor.Session.NegotiatedAlpn);
        Assert.Equal("TLS_AES_128_GCM_SHA256", acceptor.Session.CipherName);

        acceptor.Tool.WriteLine("from openssl");
        Assert.Equal("from openssl\n", acceptor.ReadText(13));
        acceptor.Session.Write("from us\n"u8, out _);
        acceptor.Tool.WaitFor("from us");

        // "Q" makes it end with close_notify.
        acceptor.Tool.WriteLine("Q");
        Assert.Equal(TlsStatus.Closed, acceptor.ReadToEnd());
    }

    [Fact]
    public void Killing_s_client_is_a_truncation_or_a_lost_connection_but_never_an_end()
    {
        using Acceptor acceptor = new(mesh);
        acceptor.StartClient(mesh.Client, "-alpn", "h2");
        Assert.Equal(TlsStatus.Done, acceptor.Handshake());

        acceptor.Tool.Kill();

        Assert.Equal(TlsStatus.Failed, acceptor.ReadToEnd());
        Assert.Contains(acceptor.Session.Failure!.Kind, (TlsFailureKind[])[TlsFailureKind.Truncated, TlsFailureKind.ConnectionLost]);
    }

    [Fact]
    public void S_client_without_a_certificate_is_refused_and_told_so()
    {
        using Acceptor acceptor = new(mesh);
        acceptor.StartClient(null, "-alpn", "h2");

        Assert.Equal(TlsStatus.Failed, acceptor.Handshake());
        Assert.Equal(TlsFailureKind.NoPeerCertificate, acceptor.Session.Failure!.Kind);
        acceptor.Tool.WaitFor($"alert number {CertificateRequired}");
    }

    [Fact]
    public void S_client_without_a_certificate_is_accepted_where_none_is_required()
    {
        TlsContextOptions mine = mesh.ServerOptions();
        TlsContextOptions options = new()
        {
            IsServer = true,
            CertificateChainPem = mine.CertificateChainPem,
            PrivateKeyPkcs8 = mine.PrivateKeyPkcs8,
            TrustedRootsPem = mine.TrustedRootsPem,
            RequirePeerCertificate = false,
        };
        using (Acceptor anonymous = new(mesh, options))
        {
            anonymous.StartClient(null, "-alpn", "h2");

            Assert.Equal(TlsStatus.Done, anonymous.Handshake());
            Assert.Null(anonymous.Session.PeerUriSan);
            Assert.True(anonymous.Session.PeerLeafDer.IsEmpty);
        }

        // A certificate that is presented must still be good.
        using TestCa elsewhere = TestCa.CreateRoot("another mesh");
        using Acceptor impostor = new(mesh, options);
        impostor.StartClient(elsewhere.Issue(MeshCertificates.ClientId), "-alpn", "h2");
        Assert.Equal(TlsStatus.Failed, impostor.Handshake());
        Assert.Equal(TlsFailureKind.UnknownAuthority, impostor.Session.Failure!.Kind);
    }

    [Theory]
    [InlineData("-tls1_2")]
    [InlineData("-no_tls1_3")]
    public void A_client_of_an_older_version_is_refused(string version)
    {
        using Acceptor acceptor = new(mesh);
        acceptor.StartClient(mesh.Client, "-alpn", "h2", version);

        Assert.Equal(TlsStatus.Failed, acceptor.Handshake());
        Assert.Equal(TlsFailureKind.UnsupportedVersion, acceptor.Session.Failure!.Kind);
        acceptor.Tool.WaitFor("alert number 70");
    }

    [Fact]
    public void A_client_that_offers_no_protocol_is_refused()
    {
        using Acceptor acceptor = new(mesh);
        acceptor.StartClient(mesh.Client);

        Assert.Equal(TlsStatus.Failed, acceptor.Handshake());
        Assert.Equal(TlsFailureKind.NoApplicationProtocol, acceptor.Session.Failure!.Kind);
        acceptor.Tool.WaitFor("alert number 120");
    }

    [Fact]
    public void We_give_no_tickets_and_resume_nothing()
    {
        using OpenSslTool files = new();
        string saved = files.Save("session", "");
        using (Acceptor first = new(mesh))
        {
            first.StartClient(mesh.Client, "-alpn", "h2", "-sess_out", saved);
            Assert.Equal(TlsStatus.Done, first.Handshake());
            first.Session.Write("hello\n"u8, out _);
            first.Tool.WaitFor("hello");
            Assert.DoesNotContain("New Session Ticket", first.Tool.Output, StringComparison.Ordinal);
            first.Tool.WriteLine("Q");
            first.ReadToEnd();
            first.Tool.WaitForExit();
        }

        Assert.Equal("", File.ReadAllText(saved));
    }

    [Fact]
    public void A_key_update_that_asks_for_ours_is_answered_and_goes_unnoticed()
    {
        using Acceptor acceptor = new(mesh);
        acceptor.StartClient(mesh.Client, "-alpn", "h2");
        Assert.Equal(TlsStatus.Done, acceptor.Handshake());

        for (int round = 1; round <= 5; round++)
        {
            // It takes the command only when that is all there is to read.
            acceptor.Tool.WriteLine("K");
            acceptor.Tool.WaitFor("KEYUPDATE", round);
            acceptor.Tool.WriteLine("after the update");
            Assert.Equal("after the update\n", acceptor.ReadText(17));
            acceptor.Session.Write(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"answer {round}\n")), out _);
            acceptor.Tool.WaitFor(string.Create(CultureInfo.InvariantCulture, $"answer {round}"));
        }

        Assert.Null(acceptor.Session.Failure);
    }

    [Fact]
    public void S_server_is_a_peer_like_any_other_and_its_tickets_are_ignored()
    {
        using Connector connector = new(mesh, mesh.Server, "-alpn", "h2");

        Assert.Equal(TlsStatus.Done, connector.Handshake());
        Assert.Equal(MeshCertificates.ServerId, connector.Session.PeerUriSan);
        connector.Session.Write("abc\n"u8, out _);
        Assert.Equal("cba\n", connector.ReadText(4)); // -rev
    }

    [Theory]
    [InlineData(TlsFailureKind.NoApplicationProtocol)]
    [InlineData(TlsFailureKind.PeerAlert, "-tls1_2")]
    [InlineData(TlsFailureKind.PeerAlert, "-alpn", "http/1.1")]
    public void S_server_that_cannot_speak_our_protocol_is_refused(TlsFailureKind kind, params string[] arguments)
    {
        using Connector connector = new(mesh, mesh.Server, arguments);

        Assert.Equal(TlsStatus.Failed, connector.Handshake());
        Assert.Equal(kind, connector.Session.Failure!.Kind);
    }

    [Fact]
    public void We_send_no_server_name()
    {
        using Connector connector = new(mesh, mesh.Server, "-alpn", "h2", "-tlsextdebug");

        Assert.Equal(TlsStatus.Done, connector.Handshake());
        connector.Tool.WaitFor("\"key share\""); // Printed after those below would be.
        Assert.DoesNotContain("\"server name\"", connector.Tool.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("\"session ticket\"", connector.Tool.Output, StringComparison.Ordinal);
    }

    /// <summary>One session over one socket, waited for with epoll.</summary>
    private abstract class Peer : IDisposable
    {
        private readonly EpollHandle _epoll = EpollHandle.Create();
        private readonly Stopwatch _clock = Stopwatch.StartNew();
        private SocketHandle? _socket;
        private TlsSession? _session;

        public OpenSslTool Tool { get; } = new();

        public TlsSession Session => _session!;

        protected abstract SocketHandle Open();

        protected abstract TlsContext Context { get; }

        public TlsStatus Handshake()
        {
            _socket = Open();
            _epoll.Add(_socket, EpollEvents.In, 1).OrThrow("epoll_ctl");
            _session = new TlsSession(Context, new SocketTlsIo(_socket), new Verifier());
            while (true)
            {
                TlsStatus status = _session.Handshake();
                if (status is TlsStatus.Done or TlsStatus.Failed)
                {
                    return status;
                }

                Wait();
            }
        }

        public string ReadText(int bytes)
        {
            byte[] buffer = new byte[bytes];
            int received = 0;
            while (received < bytes)
            {
                TlsStatus status = Session.Read(buffer.AsSpan(received), out int taken);
                received += taken;
                Assert.Contains(status, (TlsStatus[])[TlsStatus.Done, TlsStatus.WantRead]);
                if (status == TlsStatus.WantRead)
                {
                    Wait();
                }
            }

            return Encoding.ASCII.GetString(buffer);
        }

        public TlsStatus ReadToEnd()
        {
            byte[] buffer = new byte[1000];
            while (true)
            {
                TlsStatus status = Session.Read(buffer, out _);
                if (status is TlsStatus.Closed or TlsStatus.Failed)
                {
                    return status;
                }

                if (status == TlsStatus.WantRead)
                {
                    Wait();
                }
            }
        }

        public virtual void Dispose()
        {
            _session?.Dispose();
            _socket?.Dispose();
            _epoll.Dispose();
            Tool.Dispose();
        }

        private void Wait()
        {
            Assert.True(_clock.Elapsed < s_patience, $"The peer stopped. It printed:\n{Tool.Output}");
            _epoll.Wait(new ReadyEvent[1], timeoutMs: 100);
        }
    }

    /// <summary>Our server and an s_client.</summary>
    private sealed class Acceptor : Peer
    {
        private readonly SocketHandle _listener = Sockets.OpenTcp(AddressFamily.InterNetwork);
        private readonly MeshCertificates _mesh;

        public Acceptor(MeshCertificates mesh, TlsContextOptions? options = null)
        {
            _mesh = mesh;
            Context = TlsContext.Create(options ?? mesh.ServerOptions());
            Sockets.Bind(_listener, new IPEndPoint(IPAddress.Loopback, 0)).OrThrow("bind");
            Sockets.Listen(_listener, 1).OrThrow("listen");
        }

        protected override TlsContext Context { get; }

        public void StartClient(TestCertificate? certificate, params string[] more)
        {
            string port = Sockets.LocalEndPoint(_listener).Port.ToString(CultureInfo.InvariantCulture);
            string root = Tool.Save("root", _mesh.Root.CertificatePem);
            List<string> arguments = ["s_client", "-connect", $"127.0.0.1:{port}", "-CAfile", root, .. more];
            if (certificate is not null)
            {
                arguments.AddRange(["-cert", Tool.Save("cert", certificate.ChainPem), "-key", Tool.Save("key", certificate.PrivateKeyPem)]);
            }

            Tool.Start([.. arguments]);
        }

        public override void Dispose()
        {
            base.Dispose();
            _listener.Dispose();
            Context.Dispose();
        }

        protected override SocketHandle Open()
        {
            using EpollHandle epoll = EpollHandle.Create();
            epoll.Add(_listener, EpollEvents.In, 1).OrThrow("epoll_ctl");
            Assert.Equal(1, TcpPair.WaitReady(epoll, new ReadyEvent[1], (int)s_patience.TotalMilliseconds));
            Sockets.TryAccept(_listener, out SocketHandle? accepted, out _).OrThrow("accept");
            return accepted!;
        }
    }

    /// <summary>Our client and an s_server that demands our certificate and answers each line reversed.</summary>
    private sealed class Connector : Peer
    {
        private readonly int _port;

        public Connector(MeshCertificates mesh, TestCertificate certificate, params string[] more)
        {
            Context = TlsContext.Create(mesh.ClientOptions());
            Tool.Start([
                "s_server", "-accept", "127.0.0.1:0", "-Verify", "4", "-verify_return_error",
                "-CAfile", Tool.Save("root", mesh.Root.CertificatePem),
                "-cert", Tool.Save("cert", certificate.ChainPem), "-key", Tool.Save("key", certificate.PrivateKeyPem), "-rev", .. more]);
            string accepting = Tool.WaitFor("ACCEPT 127.0.0.1:");
            _port = int.Parse(accepting.AsSpan(accepting.LastIndexOf(':') + 1), CultureInfo.InvariantCulture);
        }

        protected override TlsContext Context { get; }

        public override void Dispose()
        {
            base.Dispose();
            Context.Dispose();
        }

        protected override SocketHandle Open()
        {
            SocketHandle socket = Sockets.OpenTcp(AddressFamily.InterNetwork);
            SysResult connecting = Sockets.Connect(socket, new IPEndPoint(IPAddress.Loopback, _port));
            Assert.True(connecting.Ok || connecting.InProgress, connecting.ToString());
            using EpollHandle epoll = EpollHandle.Create();
            epoll.Add(socket, EpollEvents.Out, 1).OrThrow("epoll_ctl");
            Assert.Equal(1, TcpPair.WaitReady(epoll, new ReadyEvent[1], (int)s_patience.TotalMilliseconds));
            Assert.Equal(Errno.None, Sockets.TakeError(socket));
            return socket;
        }
    }
}
