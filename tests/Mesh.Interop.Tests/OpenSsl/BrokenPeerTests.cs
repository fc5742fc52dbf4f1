using System.Security.Cryptography;
using System.Text;
using Mesh.Interop.Linux;
using Mesh.Interop.OpenSsl;
using Mesh.Testing.Tls;
using Xunit;

namespace Mesh.Interop.Tests.OpenSsl;

/// <summary>
/// Goal: a peer that stops anywhere, lies or talks nonsense ends its own session by name, and never makes this side hang, spin or take a
/// cut for an end. Method: the wire is cut at every byte of a record and all over the handshake, and bytes on it are changed.
/// </summary>
public sealed class BrokenPeerTests(MeshCertificates mesh) : IClassFixture<MeshCertificates>
{
    [Fact]
    public void A_FIN_without_close_notify_is_a_truncation_and_not_an_end()
    {
        using var pair = TlsPair.Connect(mesh);
        pair.Client.Write("all there was"u8, out _);
        pair.Link.Client.EndOutput();

        (TlsStatus status, byte[] received) = TlsPair.ReadAll(pair.Server);

        Assert.Equal("all there was"u8, received);
        Assert.Equal(TlsStatus.Failed, status);
        Assert.Equal(TlsFailureKind.Truncated, pair.Server.Failure!.Kind);
        Assert.Equal(TlsStatus.Failed, pair.Server.Read(new byte[1], out _));
    }

    [Fact]
    public void A_peer_that_closes_within_a_record_is_told_from_one_that_waits_at_every_byte()
    {
        int cut = 0;
        for (int recordBytes = int.MaxValue; cut < recordBytes; cut++)
        {
            using var pair = TlsPair.Connect(mesh);
            pair.Client.Write(new byte[40], out _);
            recordBytes = pair.Link.Server.IncomingBytes;
            pair.Link.Server.TruncateIncoming(cut);

            // Waiting: nothing to do before more comes.
            Assert.Equal(TlsStatus.WantRead, pair.Server.Read(new byte[100], out _));
            Assert.False(pair.Server.HasBufferedInput, $"A reader would spin on a record cut at byte {cut}.");

            // Closed: over, at once and for good, with no more than one look at the transport.
            pair.Link.Client.EndOutput();
            int before = pair.Link.Server.Receives;
            Assert.Equal(TlsStatus.Failed, pair.Server.Read(new byte[100], out _));
            Assert.Equal(TlsFailureKind.Truncated, pair.Server.Failure!.Kind);
            Assert.Equal(TlsStatus.Failed, pair.Server.Read(new byte[100], out _));
            Assert.False(pair.Server.HasBufferedInput);
            Assert.Equal(1, pair.Link.Server.Receives - before);
        }

        Assert.True(cut > 40);
    }

    [Fact]
    public void A_peer_that_closes_within_the_handshake_is_a_lost_connection()
    {
        int cut = 0;
        for (int flightBytes = int.MaxValue; cut < flightBytes; cut += 40)
        {
            using TlsPair pair = new(mesh.ClientOptions(), mesh.ServerOptions());
            pair.Client.Handshake();
            pair.Server.Handshake();
            flightBytes = pair.Link.Client.IncomingBytes;
            pair.Link.Client.TruncateIncoming(Math.Min(cut, flightBytes - 1));
            pair.Link.Server.EndOutput();

            Assert.Equal(TlsStatus.Failed, pair.Client.Handshake());
            Assert.Equal(TlsFailureKind.ConnectionLost, pair.Client.Failure!.Kind);
            Assert.False(pair.Client.IsHandshakeDone);
        }

        Assert.True(cut > 500, "The server's flight cannot be this short.");
    }

    [Fact]
    public void A_handshake_with_any_byte_changed_never_finishes_on_both_sides()
    {
        int refused = 0;
        for (int offset = 0; ; offset += 23)
        {
            using TlsPair pair = new(mesh.ClientOptions(), mesh.ServerOptions());
            pair.Client.Handshake();
            pair.Server.Handshake();
            if (offset >= pair.Link.Client.IncomingBytes)
            {
                break;
            }

            pair.Link.Client.CorruptIncoming(offset);
            (TlsStatus client, TlsStatus server) = pair.Handshake();

            Assert.False(client == TlsStatus.Done && server == TlsStatus.Done, $"The change at byte {offset} went unnoticed.");
            refused += client == TlsStatus.Failed ? 1 : 0;
        }

        Assert.True(refused > 20);
    }

    [Fact]
    public void A_changed_record_ends_the_session_with_an_alert()
    {
        using var pair = TlsPair.Connect(mesh);
        pair.Client.Write(new byte[100], out _);
        pair.Link.Server.CorruptIncoming(60);

        Assert.Equal(TlsStatus.Failed, pair.Server.Read(new byte[100], out _));
        Assert.Equal(TlsFailureKind.ProtocolError, pair.Server.Failure!.Kind);
        Assert.Equal(TlsStatus.Failed, pair.Server.Write("x"u8, out _));

        Assert.Equal(TlsStatus.Failed, pair.Client.Read(new byte[100], out _));
        Assert.Equal((TlsFailureKind.PeerAlert, 20), (pair.Client.Failure!.Kind, pair.Client.Failure.AlertNumber!.Value));
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\nHost: a\r\n\r\n")]
    [InlineData("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")]
    [InlineData("SSH-2.0-OpenSSH_9.2\r\n")]
    [InlineData("\u0016\u0003\u0001\u0000\u0005garbage in a record's clothes")]
    [InlineData("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0")]
    public void What_is_not_TLS_is_a_protocol_error(string bytes)
    {
        using TlsPair pair = new(mesh.ClientOptions(), mesh.ServerOptions());
        pair.Link.Client.Inject(Encoding.Latin1.GetBytes(bytes));

        Assert.Equal(TlsStatus.Failed, pair.Server.Handshake());
        Assert.Equal(TlsFailureKind.ProtocolError, pair.Server.Failure!.Kind);
        Assert.StartsWith("error:", pair.Server.Failure.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void Random_bytes_never_finish_a_handshake()
    {
        Random random = new(20_260_101);
        for (int round = 0; round < 200; round++)
        {
            using TlsPair pair = new(mesh.ClientOptions(), mesh.ServerOptions());
            byte[] bytes = new byte[random.Next(5, 2000)];
            random.NextBytes(bytes);
            pair.Link.Client.Inject(bytes);
            pair.Link.Client.EndOutput();

            Assert.Equal(TlsStatus.Failed, pair.Server.Handshake());
        }
    }

    [Fact]
    public void Garbage_behind_good_records_leaves_the_good_ones_readable()
    {
        using var pair = TlsPair.Connect(mesh);
        pair.Client.Write("good"u8, out _);
        pair.Link.Client.Inject(RandomNumberGenerator.GetBytes(500));

        byte[] buffer = new byte[1000];
        Assert.Equal(TlsStatus.Done, pair.Server.Read(buffer, out int bytes));
        Assert.Equal("good"u8, buffer.AsSpan(0, bytes));
        Assert.Equal(TlsStatus.Failed, pair.Server.Read(buffer, out bytes));
        Assert.Equal(TlsFailureKind.ProtocolError, pair.Server.Failure!.Kind);
        Assert.False(pair.Server.HasBufferedInput);
    }

    [Fact]
    public void A_failing_transport_is_a_lost_connection_with_its_errno()
    {
        using var reading = TlsPair.Connect(mesh);
        reading.Link.Server.ReceiveError = Errno.ECONNRESET;
        Assert.Equal(TlsStatus.Failed, reading.Server.Read(new byte[1], out _));
        Assert.Equal(TlsFailureKind.ConnectionLost, reading.Server.Failure!.Kind);
        Assert.Equal(Errno.ECONNRESET, reading.Server.Failure.TransportError);
        Assert.Contains("ECONNRESET", reading.Server.Failure.Detail, StringComparison.Ordinal);

        using var writing = TlsPair.Connect(mesh);
        writing.Link.Server.SendError = Errno.EPIPE;
        Assert.Equal(TlsStatus.Failed, writing.Server.Write("x"u8, out int bytes));
        Assert.Equal(0, bytes);
        Assert.Equal(TlsFailureKind.ConnectionLost, writing.Server.Failure!.Kind);
        Assert.Equal(Errno.EPIPE, writing.Server.Failure.TransportError);
        Assert.Equal(TlsStatus.Failed, writing.Server.Flush());
        Assert.Equal(TlsStatus.Failed, writing.Server.CloseWrite());
    }

    [Fact]
    public void A_transport_that_fails_within_the_handshake_ends_it()
    {
        using TlsPair pair = new(mesh.ClientOptions(), mesh.ServerOptions());
        pair.Link.Client.SendError = Errno.ECONNRESET;

        Assert.Equal(TlsStatus.Failed, pair.Client.Handshake());
        Assert.Equal(TlsFailureKind.ConnectionLost, pair.Client.Failure!.Kind);
    }

    [Fact]
    public void What_the_peer_said_before_it_went_is_still_read_after_a_write_failed()
    {
        using TlsPair pair = new(mesh.ClientOptions(), mesh.ServerOptions(), serverVerifier: new Verifier("spiffe://cluster.local/nobody"));
        pair.Client.Handshake();
        pair.Server.Handshake();
        Assert.Equal(TlsStatus.Done, pair.Client.Handshake());
        Assert.Equal(TlsStatus.Failed, pair.Server.Handshake());
        pair.Link.Client.SendError = Errno.EPIPE; // The server has closed; its alert is on the wire.

        Assert.Equal(TlsStatus.Failed, pair.Client.Write("request"u8, out _));
        Assert.Equal(TlsFailureKind.ConnectionLost, pair.Client.Failure!.Kind);
        Assert.Equal(TlsStatus.Failed, pair.Client.Read(new byte[1], out _));
        Assert.Equal(TlsFailureKind.PeerAlert, pair.Client.Failure.Kind);
    }

    [Fact]
    public void An_alert_that_finds_the_transport_full_is_kept_for_it()
    {
        MemoryTlsLink link = new(3000);
        Verifier refusing = new("spiffe://cluster.local/nobody");
        using TlsPair pair = new(mesh.ClientOptions(), mesh.ServerOptions(), serverVerifier: refusing, link: link);
        pair.Client.Handshake();
        pair.Server.Handshake();
        Assert.Equal(TlsStatus.Done, pair.Client.Handshake());
        link.Server.SendBytesMax = 0;

        Assert.Equal(TlsStatus.Failed, pair.Server.Handshake());
        Assert.True(pair.Server.HasPendingOutput);
        Assert.Equal(TlsStatus.WantRead, pair.Client.Read(new byte[1], out _));

        link.Server.SendBytesMax = int.MaxValue;
        Assert.Equal(TlsStatus.Done, pair.Server.Flush());
        Assert.Equal(TlsStatus.Failed, pair.Client.Read(new byte[1], out _));
        Assert.Equal(TlsFailureKind.PeerAlert, pair.Client.Failure!.Kind);
    }
}
