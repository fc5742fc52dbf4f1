using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Mesh.Interop.Linux;
using Mesh.Interop.OpenSsl;
using Mesh.Testing.Tls;
using Xunit;
using SocketOptions = Mesh.Interop.Linux.SocketOptions;

namespace Mesh.Interop.Tests.OpenSsl;

/// <summary>
/// Goal: a session works on real sockets with small buffers, and a reset is never taken for an end. Method: both ends of a loopback
/// connection on the test's thread, polled, because every call is non-blocking.
/// </summary>
public sealed class TlsSocketTests(MeshCertificates mesh) : IClassFixture<MeshCertificates>
{
    private const int TurnsMax = 1_000_000;

    [Fact]
    public void Four_mebibytes_cross_small_socket_buffers_in_both_directions_at_once()
    {
        using Connected connected = new(mesh);
        byte[] up = RandomNumberGenerator.GetBytes(4 * 1024 * 1024);
        byte[] down = RandomNumberGenerator.GetBytes(4 * 1024 * 1024);
        Flow upward = new(connected.Client, connected.Server, up);
        Flow downward = new(connected.Server, connected.Client, down);

        for (int turn = 0; turn < TurnsMax && !(upward.IsOver && downward.IsOver); turn++)
        {
            upward.Move();
            downward.Move();
        }

        Assert.Equal(up, upward.Arrived);
        Assert.Equal(down, downward.Arrived);
    }

    [Fact]
    public void A_reset_is_a_lost_connection()
    {
        using Connected connected = new(mesh);
        Assert.True(SocketOptions.ResetOnClose(connected.ClientSocket).Ok);
        connected.ClientSocket.Dispose();

        TlsStatus status = TlsStatus.WantRead;
        for (int turn = 0; turn < TurnsMax && status == TlsStatus.WantRead; turn++)
        {
            status = connected.Server.Read(new byte[1], out _);
        }

        Assert.Equal(TlsStatus.Failed, status);
        Assert.Equal(TlsFailureKind.ConnectionLost, connected.Server.Failure!.Kind);
        Assert.Contains("ECONNRESET", connected.Server.Failure.Detail, StringComparison.Ordinal);
    }

    private sealed class Flow(TlsSession from, TlsSession to, byte[] bytes)
    {
        private readonly List<byte> _arrived = [];
        private readonly byte[] _buffer = new byte[16 * 1024];
        private int _sent;

        public bool IsOver { get; private set; }

        public byte[] Arrived => [.. _arrived];

        public void Move()
        {
            if (_sent < bytes.Length)
            {
                Assert.NotEqual(TlsStatus.Failed, from.Write(bytes.AsSpan(_sent), out int taken));
                _sent += taken;
            }
            else
            {
                Assert.NotEqual(TlsStatus.Failed, from.CloseWrite());
            }

            TlsStatus status = to.Read(_buffer, out int received);
            Assert.NotEqual(TlsStatus.Failed, status);
            _arrived.AddRange(_buffer.AsSpan(0, received));
            IsOver = status == TlsStatus.Closed;
        }
    }

    private sealed class Connected : IDisposable
    {
        private readonly TlsContext _clientContext;
        private readonly TlsContext _serverContext;

        public Connected(MeshCertificates mesh)
        {
            using SocketHandle listener = Sockets.OpenTcp(AddressFamily.InterNetwork);
            Sockets.Bind(listener, new IPEndPoint(IPAddress.Loopback, 0)).OrThrow("bind");
            Sockets.Listen(listener, 1).OrThrow("listen");
            ClientSocket = Sockets.OpenTcp(AddressFamily.InterNetwork);
            SysResult connecting = Sockets.Connect(ClientSocket, Sockets.LocalEndPoint(listener));
            Assert.True(connecting.Ok || connecting.InProgress, connecting.ToString());
            SocketHandle? accepted = null;
            Until(() => Sockets.TryAccept(listener, out accepted, out _).Ok);
            ServerSocket = accepted!;
            foreach (SocketHandle socket in (SocketHandle[])[ClientSocket, ServerSocket])
            {
                Assert.True(SocketOptions.SendBufferBytes(socket, 8 * 1024).Ok);
            }

            _clientContext = TlsContext.Create(mesh.ClientOptions());
            _serverContext = TlsContext.Create(mesh.ServerOptions());
            Client = new TlsSession(_clientContext, new SocketTlsIo(ClientSocket), new Verifier());
            Server = new TlsSession(_serverContext, new SocketTlsIo(ServerSocket), new Verifier());
            Until(() => Client.Handshake() == TlsStatus.Done & Server.Handshake() == TlsStatus.Done);
        }

        public SocketHandle ClientSocket { get; }

        public SocketHandle ServerSocket { get; }

        public TlsSession Client { get; }

        public TlsSession Server { get; }

        public void Dispose()
        {
            Client.Dispose();
            Server.Dispose();
            ClientSocket.Dispose();
            ServerSocket.Dispose();
            _clientContext.Dispose();
            _serverContext.Dispose();
        }

        private static void Until(Func<bool> holds)
        {
            for (int turn = 0; turn < TurnsMax; turn++)
            {
                if (holds())
                {
                    return;
                }
            }

            Assert.Fail("It never came true.");
        }
    }
}
