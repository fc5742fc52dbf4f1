using System.Security.Cryptography;
using Mesh.Interop.OpenSsl;
using Mesh.Testing;
using Mesh.Testing.Certificates;
using Mesh.Testing.Tls;
using Xunit;

namespace Mesh.Interop.Tests.OpenSsl;

/// <summary>
/// Goal: bytes cross a session whole and in order, whatever the transport does, and every way a session ends has its own name. Method:
/// both ends on the test's thread, joined by a wire in memory that can be narrowed, cut and broken at an exact byte.
/// </summary>
public sealed class TlsSessionTests(MeshCertificates mesh) : IClassFixture<MeshCertificates>
{
    [Fact]
    public void A_mutual_handshake_tells_each_side_who_the_other_is()
    {
        Verifier clientVerifier = new();
        Verifier serverVerifier = new();
        using TlsPair pair = new(mesh.ClientOptions(), mesh.ServerOptions(), clientVerifier, serverVerifier);

        Assert.Equal((TlsStatus.Done, TlsStatus.Done), pair.Handshake());

        Assert.Equal(MeshCertificates.ServerId, pair.Client.PeerUriSan);
        Assert.Equal(MeshCertificates.ClientId, pair.Server.PeerUriSan);
        Assert.Equal(mesh.Server.Der, pair.Client.PeerLeafDer.ToArray());
        Assert.Equal(mesh.Client.Der, pair.Server.PeerLeafDer.ToArray());
        Assert.Equal(("h2", "h2"), (pair.Client.NegotiatedAlpn, pair.Server.NegotiatedAlpn));
        Assert.Equal("TLS_AES_128_GCM_SHA256", pair.Client.CipherName);
        Assert.Equal("TLS_AES_128_GCM_SHA256", pair.Server.CipherName);
        Assert.Equal((1, 1), (clientVerifier.Calls, serverVerifier.Calls));
        Assert.Null(pair.Client.Failure);
        Assert.Null(pair.Server.Failure);
    }

    [Fact]
    public void The_verifier_sees_serial_number_and_validity_of_the_leaf()
    {
        TestCertificateOptions validity = new() { ValidFrom = TimeSpan.FromHours(-2), ValidUntil = TimeSpan.FromHours(3) };
        TestCertificate client = mesh.Root.Issue(MeshCertificates.ClientId, validity);
        Verifier verifier = new();
        using TlsPair pair = new(mesh.ClientOptions(client), mesh.ServerOptions(), serverVerifier: verifier);

        pair.Handshake();

        Assert.Equal(client.SerialNumber, verifier.SerialNumber);
        DateTimeOffset now = TimeProvider.System.GetUtcNow();
        Assert.InRange(now - verifier.NotBefore, TimeSpan.FromMinutes(119), TimeSpan.FromMinutes(121));
        Assert.InRange(verifier.NotAfter - now, TimeSpan.FromMinutes(179), TimeSpan.FromMinutes(181));
    }

    [Fact]
    public void The_servers_order_of_suites_decides()
    {
        TlsContextOptions mine = mesh.ClientOptions();
        TlsContextOptions client = new()
        {
            IsServer = false,
            CertificateChainPem = mine.CertificateChainPem,
            PrivateKeyPkcs8 = mine.PrivateKeyPkcs8,
            TrustedRootsPem = mine.TrustedRootsPem,
            Ciphersuites = "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256",
        };
        using TlsPair pair = new(client, mesh.ServerOptions());

        Assert.Equal((TlsStatus.Done, TlsStatus.Done), pair.Handshake());

        Assert.Equal("TLS_AES_128_GCM_SHA256", pair.Client.CipherName);
    }

    [Fact]
    public void An_intermediate_is_sent_with_the_leaf_and_only_the_root_needs_to_be_known()
    {
        using TestCa intermediate = mesh.Root.CreateIntermediate();
        using TestCa lower = intermediate.CreateIntermediate("mesh test lower intermediate");
        using TlsPair pair = new(
            mesh.ClientOptions(lower.Issue(MeshCertificates.ClientId)), mesh.ServerOptions(intermediate.Issue(MeshCertificates.ServerId)));

        Assert.Equal((TlsStatus.Done, TlsStatus.Done), pair.Handshake());
    }

    [Fact]
    public void An_intermediate_alone_can_be_the_trust_anchor()
    {
        using TestCa intermediate = mesh.Root.CreateIntermediate();
        TestCertificate server = intermediate.Issue(MeshCertificates.ServerId);
        using TlsPair pair = new(mesh.ClientOptions(roots: intermediate.CertificatePem), mesh.ServerOptions(server));

        Assert.Equal((TlsStatus.Done, TlsStatus.Done), pair.Handshake());
    }

    [Fact]
    public void Both_roots_of_a_rotation_are_trusted_also_when_they_share_a_name()
    {
        using TestCa old = TestCa.CreateRoot("rotating root");
        using TestCa next = TestCa.CreateRoot("rotating root");
        (string first, string second) = (old.CertificatePem + "\n", next.CertificatePem + "\n");
        foreach (string roots in (string[])[first + second, second + first])
        {
            using TlsPair pair = new(
                mesh.ClientOptions(old.Issue(MeshCertificates.ClientId), roots),
                mesh.ServerOptions(next.Issue(MeshCertificates.ServerId), roots));

            Assert.Equal((TlsStatus.Done, TlsStatus.Done), pair.Handshake());
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(64)]
    [InlineData(16 * 1024)]
    [InlineData((16 * 1024) + 1)]
    [InlineData(1024 * 1024)]
    public void Bytes_arrive_whole_and_in_order_in_both_directions(int length)
    {
        using var pair = TlsPair.Connect(mesh);
        byte[] sent = RandomNumberGenerator.GetBytes(length);

        Assert.Equal(sent, Transfer(pair.Client, pair.Server, sent));
        Assert.Equal(sent, Transfer(pair.Server, pair.Client, sent));
    }

    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(7, 5, 3)]
    [InlineData(17 * 1024, 1000, 1000)]
    [InlineData(64, int.MaxValue, int.MaxValue)]
    public void A_transport_that_takes_and_gives_little_at_a_time_only_slows_it_down(int capacityBytes, int receiveMax, int sendMax)
    {
        MemoryTlsLink link = new(capacityBytes);
        foreach (MemoryTlsLink.End end in (MemoryTlsLink.End[])[link.Client, link.Server])
        {
            end.ReceiveBytesMax = receiveMax;
            end.SendBytesMax = sendMax;
        }

        using var pair = TlsPair.Connect(mesh, link);
        byte[] sent = RandomNumberGenerator.GetBytes(40_000);

        Assert.Equal(sent, Transfer(pair.Client, pair.Server, sent));
    }

    [Fact]
    public void What_a_full_transport_does_not_take_is_kept_up_to_four_records_and_flushed_later()
    {
        using var pair = TlsPair.Connect(mesh, new MemoryTlsLink(50_000));
        byte[] sent = RandomNumberGenerator.GetBytes(200_000);

        // The wire takes three of the first four records and part of the fourth; the rest is kept, and nothing after it is encrypted.
        Assert.Equal(TlsStatus.Done, pair.Client.Write(sent, out int taken));
        Assert.Equal(4 * 16 * 1024, taken);
        Assert.True(pair.Client.HasPendingOutput);
        Assert.Equal(TlsStatus.WantWrite, pair.Client.Write(sent.AsSpan(taken), out int more));
        Assert.Equal(0, more);
        Assert.Equal(TlsStatus.WantWrite, pair.Client.Flush());

        (TlsStatus status, byte[] arrived) = TlsPair.ReadAll(pair.Server);
        Assert.Equal(TlsStatus.WantRead, status);
        Assert.Equal(TlsStatus.Done, pair.Client.Flush());
        Assert.False(pair.Client.HasPendingOutput);
        (_, byte[] rest) = TlsPair.ReadAll(pair.Server);
        Assert.Equal(sent[..taken], (byte[])[.. arrived, .. rest]);
    }

    [Fact]
    public void Four_records_of_one_write_leave_and_arrive_together()
    {
        using var pair = TlsPair.Connect(mesh);
        int sends = pair.Link.Client.Sends;
        int receives = pair.Link.Server.Receives;
        byte[] sent = RandomNumberGenerator.GetBytes((5 * 16 * 1024) + 1);
        byte[] arrived = new byte[4 * 16 * 1024];

        pair.Client.Write(sent, out int taken);
        Assert.Equal(TlsStatus.Done, pair.Server.Read(arrived, out int bytes));

        Assert.Equal(sent.Length, taken);
        Assert.Equal(2, pair.Link.Client.Sends - sends);
        Assert.Equal(1, pair.Link.Server.Receives - receives);
        Assert.Equal(arrived.Length, bytes);
        Assert.Equal(sent[..bytes], arrived);
        Assert.False(pair.Client.HasPendingOutput);
    }

    [Fact]
    public void Records_that_leave_together_wait_together_and_nothing_is_added_to_them()
    {
        using var pair = TlsPair.Connect(mesh);
        byte[] sent = RandomNumberGenerator.GetBytes(8 * 16 * 1024);
        pair.Link.Client.SendBytesMax = 0;

        Assert.Equal(TlsStatus.Done, pair.Client.Write(sent, out int taken));
        Assert.Equal(4 * 16 * 1024, taken);
        Assert.Equal(TlsStatus.WantWrite, pair.Client.Write(sent.AsSpan(taken), out int more));
        Assert.Equal(0, more);

        pair.Link.Client.SendBytesMax = int.MaxValue;
        Assert.Equal(TlsStatus.Done, pair.Client.Write(sent.AsSpan(taken), out more));
        (_, byte[] arrived) = TlsPair.ReadAll(pair.Server);
        Assert.Equal(sent[..(taken + more)], arrived);
    }

    [Fact]
    public void A_reader_never_waits_for_the_transport_while_a_record_is_buffered()
    {
        using var pair = TlsPair.Connect(mesh);
        for (byte record = 0; record < 3; record++)
        {
            pair.Client.Write([record], out _);
        }

        // Three records come with one receive, because reading is ahead; the buffer takes only the first.
        int before = pair.Link.Server.Receives;
        byte[] one = new byte[1];
        for (byte record = 0; record < 3; record++)
        {
            Assert.Equal(record > 0, pair.Server.HasBufferedInput);
            Assert.Equal(TlsStatus.Done, pair.Server.Read(one, out int bytes));
            Assert.Equal((1, record), (bytes, one[0]));
        }

        Assert.Equal(1, pair.Link.Server.Receives - before);
        Assert.False(pair.Server.HasBufferedInput);
    }

    [Fact]
    public void A_record_longer_than_the_readers_buffer_stays_readable()
    {
        using var pair = TlsPair.Connect(mesh);
        pair.Client.Write(new byte[100], out _);

        byte[] part = new byte[60];
        Assert.Equal(TlsStatus.Done, pair.Server.Read(part, out int first));
        Assert.True(pair.Server.HasBufferedInput);
        Assert.Equal(TlsStatus.Done, pair.Server.Read(part, out int second));

        Assert.Equal((60, 40), (first, second));
        Assert.False(pair.Server.HasBufferedInput);
    }

    [Fact]
    public void Part_of_a_record_is_no_reason_to_read_again()
    {
        using var pair = TlsPair.Connect(mesh);
        pair.Client.Write(new byte[1000], out _);
        pair.Link.Server.ReceiveBytesMax = 500;

        // The first receive brings half the record; the wire then pretends to be empty.
        byte[] all = new byte[1000];
        byte[] heldBack = new byte[pair.Link.Server.IncomingBytes - 500];
        pair.Link.Server.TakeBack(heldBack);
        Assert.Equal(TlsStatus.WantRead, pair.Server.Read(all, out _));
        Assert.False(pair.Server.HasBufferedInput);

        pair.Link.Client.Inject(heldBack);
        Assert.Equal(TlsStatus.Done, pair.Server.Read(all, out int bytes));
        Assert.Equal(1000, bytes);
    }

    [Fact]
    public void A_read_fills_its_buffer_from_several_records()
    {
        using var pair = TlsPair.Connect(mesh);
        byte[] sent = RandomNumberGenerator.GetBytes(5000);
        for (int offset = 0; offset < sent.Length; offset += 1000)
        {
            pair.Client.Write(sent.AsSpan(offset, 1000), out _);
        }

        byte[] received = new byte[5000];
        Assert.Equal(TlsStatus.Done, pair.Server.Read(received, out int bytes));
        Assert.Equal(5000, bytes);
        Assert.Equal(sent, received);
    }

    [Fact]
    public void Close_notify_ends_one_direction_and_leaves_the_other_open()
    {
        using var pair = TlsPair.Connect(mesh);
        pair.Client.Write("last words"u8, out _);
        Assert.Equal(TlsStatus.Done, pair.Client.CloseWrite());

        (TlsStatus status, byte[] received) = TlsPair.ReadAll(pair.Server);
        Assert.Equal((TlsStatus.Closed, "last words"), (status, System.Text.Encoding.ASCII.GetString(received)));
        Assert.False(pair.Server.HasBufferedInput);

        // A FIN behind it changes nothing: the end has been told already, and once told it stays told.
        pair.Link.Client.EndOutput();
        Assert.Equal(TlsStatus.Closed, pair.Server.Read(new byte[1], out _));

        byte[] answer = RandomNumberGenerator.GetBytes(50_000);
        Assert.Equal(answer, Transfer(pair.Server, pair.Client, answer));
        Assert.Equal(TlsStatus.Done, pair.Server.CloseWrite());
        Assert.Equal(TlsStatus.Closed, TlsPair.ReadAll(pair.Client).Status);
        Assert.Null(pair.Client.Failure);
        Assert.Null(pair.Server.Failure);
    }

    [Fact]
    public void Close_notify_waits_behind_what_is_pending()
    {
        using var pair = TlsPair.Connect(mesh, new MemoryTlsLink(10_000));
        byte[] sent = RandomNumberGenerator.GetBytes(12_000);
        pair.Client.Write(sent, out int taken);

        Assert.Equal(sent.Length, taken);
        Assert.Equal(TlsStatus.WantWrite, pair.Client.CloseWrite());
        Assert.Equal(TlsStatus.WantRead, TlsPair.ReadAll(pair.Server).Status);
        Assert.Equal(TlsStatus.Done, pair.Client.CloseWrite());

        (TlsStatus status, byte[] received) = TlsPair.ReadAll(pair.Server);
        Assert.Equal(TlsStatus.Closed, status);
        Assert.Equal(sent, received);
    }

    [Fact]
    public void Nothing_can_be_written_after_the_end()
    {
        using var pair = TlsPair.Connect(mesh);
        pair.Client.CloseWrite();

        Assert.Throws<InvalidOperationException>(() => pair.Client.Write("x"u8, out _));
    }

    [Fact]
    public void A_session_without_a_handshake_neither_reads_nor_writes()
    {
        using TlsPair pair = new(mesh.ClientOptions(), mesh.ServerOptions());

        Assert.Throws<InvalidOperationException>(() => pair.Client.Write("x"u8, out _));
        Assert.Throws<InvalidOperationException>(() => pair.Client.Read(new byte[1], out _));
        Assert.Throws<InvalidOperationException>(() => pair.Client.CloseWrite());
    }

    [Fact]
    public void A_disposed_session_says_so()
    {
        var pair = TlsPair.Connect(mesh);
        pair.Dispose();

        Assert.Throws<ObjectDisposedException>(() => pair.Client.Read(new byte[1], out _));
        Assert.Throws<ObjectDisposedException>(() => pair.Client.Write("x"u8, out _));
        Assert.Throws<ObjectDisposedException>(() => pair.Client.Flush());
        Assert.False(pair.Client.HasBufferedInput);
    }

    [Fact]
    public void What_the_transport_throws_reaches_the_caller_and_not_OpenSSL()
    {
        using var pair = TlsPair.Connect(mesh);
        pair.Link.Server.ReceiveThrows = new InvalidTimeZoneException("on purpose");

        Assert.Throws<InvalidTimeZoneException>(() => pair.Server.Read(new byte[1], out _));

        pair.Link.Server.ReceiveThrows = null;
        Assert.Equal("still here"u8, Transfer(pair.Client, pair.Server, "still here"u8.ToArray()));
    }

    [Fact]
    public void What_the_verifier_throws_reaches_the_caller_and_the_handshake_fails()
    {
        Verifier verifier = new() { Throws = new InvalidTimeZoneException("on purpose") };
        using TlsPair pair = new(mesh.ClientOptions(), mesh.ServerOptions(), clientVerifier: verifier);
        Assert.Equal(TlsStatus.WantRead, pair.Client.Handshake());
        pair.Server.Handshake();

        Assert.Throws<InvalidTimeZoneException>(() => pair.Client.Handshake());

        Assert.False(pair.Client.IsHandshakeDone);
        Assert.Equal(TlsStatus.Failed, pair.Client.Handshake());
        Assert.Equal(TlsStatus.Failed, pair.Server.Handshake());
        Assert.Equal(TlsFailureKind.PeerAlert, pair.Server.Failure!.Kind);
    }

    [Fact]
    public void The_failure_of_one_session_is_not_taken_for_that_of_another()
    {
        // OpenSSL queues errors by thread, and one that is read too late would end the wrong session.
        using TlsPair broken = new(mesh.ClientOptions(), mesh.ServerOptions());
        using var healthy = TlsPair.Connect(mesh);
        broken.Link.Client.Inject("GET / HTTP/1.1\r\n\r\n"u8);
        Assert.Equal(TlsStatus.Failed, broken.Server.Handshake());
        LeaveAnErrorBehind();

        Assert.Equal(TlsStatus.WantRead, healthy.Server.Read(new byte[1], out _));
        LeaveAnErrorBehind();
        Assert.Equal(TlsStatus.Done, healthy.Client.Write("fine"u8, out _));
        LeaveAnErrorBehind();
        Assert.Equal(TlsStatus.Done, healthy.Server.Read(new byte[4], out _));
        LeaveAnErrorBehind();
        Assert.Equal(TlsStatus.Done, healthy.Client.CloseWrite());
        Assert.Null(healthy.Server.Failure);

        static void LeaveAnErrorBehind()
        {
            using SslContextHandle none = LibSsl.SSL_CTX_new(0);
            Assert.True(none.IsInvalid);
        }
    }

    [Fact]
    public void A_session_nobody_disposed_is_collected()
    {
        WeakReference forgotten = Forget();

        for (int attempt = 0; attempt < 10 && forgotten.IsAlive; attempt++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        Assert.False(forgotten.IsAlive);
    }

    [Fact]
    public void Reading_and_writing_allocate_nothing()
    {
        using var pair = TlsPair.Connect(mesh);
        byte[] source = new byte[20_000];
        byte[] destination = new byte[32_000];
        Assert.Equal(0, SteadyState.AllocatedBytes(() => RoundTrips(1000)));

        void RoundTrips(int count)
        {
            for (int round = 0; round < count; round++)
            {
                pair.Client.Write(source, out _);
                while (pair.Server.Read(destination, out _) == TlsStatus.Done)
                {
                }
            }
        }
    }

    [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
    private WeakReference Forget()
    {
        using var context = TlsContext.Create(mesh.ClientOptions());
        TlsSession session = new(context, new MemoryTlsLink().Client, new Verifier());
        session.Handshake();
        return new WeakReference(session);
    }

    private static byte[] Transfer(TlsSession from, TlsSession to, byte[] bytes)
    {
        MemoryStream arrived = new();
        int sent = 0;
        byte[] buffer = new byte[10_000];
        for (int idleTurns = 0; arrived.Length < bytes.Length && idleTurns < 100; idleTurns++)
        {
            if (sent < bytes.Length)
            {
                Assert.NotEqual(TlsStatus.Failed, from.Write(bytes.AsSpan(sent), out int taken));
                sent += taken;
            }
            else
            {
                from.Flush();
            }

            while (to.Read(buffer, out int received) == TlsStatus.Done)
            {
                arrived.Write(buffer, 0, received);
                idleTurns = 0;
            }

            idleTurns = from.HasPendingOutput ? 0 : idleTurns;
        }

        return arrived.ToArray();
    }
}
