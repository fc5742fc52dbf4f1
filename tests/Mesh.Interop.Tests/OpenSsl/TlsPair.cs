using Mesh.Interop.OpenSsl;
using Mesh.Testing.Tls;
using Xunit;

namespace Mesh.Interop.Tests.OpenSsl;

/// <summary>A client and a server session on one wire in memory, driven by the test's thread.</summary>
internal sealed class TlsPair : IDisposable
{
    // A wire of one byte takes a handshake of about 2 KiB this many turns; a loop that spins never gets there.
    private const int TurnsMax = 20_000;

    private readonly TlsContext _clientContext;
    private readonly TlsContext _serverContext;

    public TlsPair(
        TlsContextOptions client,
        TlsContextOptions server,
        IPeerVerifier? clientVerifier = null,
        IPeerVerifier? serverVerifier = null,
        MemoryTlsLink? link = null)
    {
        Link = link ?? new MemoryTlsLink();
        _clientContext = TlsContext.Create(client);
        _serverContext = TlsContext.Create(server);
        Client = new TlsSession(_clientContext, Link.Client, clientVerifier ?? new Verifier());
        Server = new TlsSession(_serverContext, Link.Server, serverVerifier ?? new Verifier());
    }

    public MemoryTlsLink Link { get; }

    public TlsSession Client { get; }

    public TlsSession Server { get; }

    /// <summary>A pair whose handshake is done.</summary>
    public static TlsPair Connect(MeshCertificates mesh, MemoryTlsLink? link = null)
    {
        TlsPair pair = new(mesh.ClientOptions(), mesh.ServerOptions(), link: link);
        pair.Handshake();
        Assert.True(pair.Client.IsHandshakeDone, pair.Client.Failure?.ToString());
        Assert.True(pair.Server.IsHandshakeDone, pair.Server.Failure?.ToString());
        return pair;
    }

    /// <summary>Drives both ends until each is done or has failed, or nothing moves any more.</summary>
    public (TlsStatus Client, TlsStatus Server) Handshake()
    {
        TlsStatus client = TlsStatus.WantRead;
        TlsStatus server = TlsStatus.WantRead;
        for (int turn = 0; turn < TurnsMax; turn++)
        {
            client = Client.Handshake();
            server = Server.Handshake();

            // What is pending, the alert of a failure included, still has to leave.
            bool flushed = Client.Flush() != TlsStatus.WantWrite & Server.Flush() != TlsStatus.WantWrite;
            if (IsOver(client) && IsOver(server) && flushed)
            {
                return (client, server);
            }

            if (IsOver(client) && server == TlsStatus.WantRead && Link.Server.IncomingBytes == 0 && flushed)
            {
                return (client, server);
            }
        }

        return (client, server);
    }

    /// <summary>Reads from <paramref name="session"/> until it has <paramref name="count"/> bytes or its status is not Done.</summary>
    public static (TlsStatus Status, byte[] Bytes) ReadAll(TlsSession session, int count = int.MaxValue)
    {
        MemoryStream all = new();
        Span<byte> buffer = new byte[16 * 1024];
        while (all.Length < count)
        {
            TlsStatus status = session.Read(buffer, out int bytes);
            if (status != TlsStatus.Done)
            {
                Assert.Equal(0, bytes);
                return (status, all.ToArray());
            }

            Assert.True(bytes > 0, "Done with no bytes would make a reader spin.");
            all.Write(buffer[..bytes]);
        }

        return (TlsStatus.Done, all.ToArray());
    }

    public void Dispose()
    {
        Client.Dispose();
        Server.Dispose();
        _clientContext.Dispose();
        _serverContext.Dispose();
    }

    private static bool IsOver(TlsStatus status) => status is TlsStatus.Done or TlsStatus.Failed;
}
