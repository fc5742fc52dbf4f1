using System.Buffers.Binary;
using Mesh.Interop.Linux;
using Mesh.Node.Protocols.Dns;
using Mesh.Node.Transport.EventLoops;

namespace Mesh.Node.Proxy.Lookups;

/// <summary>
/// One query sent on to the server the pod asked, from the address it asked from: over a socket of its own, and so from a port that
/// nobody can guess, with an identifier that nobody can guess. Only what the server sends to that port and what answers the query goes
/// back, with the identifier it came with and otherwise as it is. Used again for another query once it is done. The pod's home loop.
/// </summary>
internal sealed class ForwardedQuery : IReadyHandler, ITimerHandler
{
    private const int ReceivesPerTurnMax = 16;
    private const int KeptBytesMax = DnsQuery.HeaderBytes + DnsName.BytesMax + 4;

    private readonly PodDns _owner;
    private readonly LoopTimer _limit;

    // Header and question, as they came.
    private readonly byte[] _kept = new byte[KeptBytesMax];
    private DnsQuery _query;
    private DatagramAddress _client;
    private DatagramAddress _server;
    private SocketHandle? _socket;
    private Registration _registration;
    private ushort _id;
    private bool _isDeferred;

    public ForwardedQuery(PodDns owner)
    {
        _owner = owner;
        _limit = new LoopTimer(owner.Loop, this);
    }

    /// <summary>Sends the query on.</summary>
    /// <param name="message">All of it; its identifier is changed.</param>
    /// <param name="query">What it asks.</param>
    /// <param name="client">Who asked.</param>
    /// <param name="server">Whom.</param>
    /// <param name="id">The identifier it gets on its way.</param>
    /// <param name="timeLimit">For the answer.</param>
    /// <returns>Why it could not be sent; then it is not under way.</returns>
    public SysResult TrySend(
        Span<byte> message, in DnsQuery query, in DatagramAddress client, in DatagramAddress server, ushort id, TimeSpan timeLimit)
    {
        message[..query.QuestionEnd].CopyTo(_kept);
        _query = query;
        _client = client;
        _server = server;
        _id = id;
        BinaryPrimitives.WriteUInt16BigEndian(message, id);

        SysResult result = _owner.Sockets.TryOpenDatagram(client.WithPort(0), out _socket);
        result = result.Ok ? Datagrams.Connect(_socket!, server) : result;
        result = result.Ok ? _owner.Loop.Register(_owner.Share, _socket!, this, out _registration) : result;
        bool isRegistered = result.Ok;
        result = result.Ok ? Mesh.Interop.Linux.Sockets.Send(_socket!, message) : result;
        if (result.Ok)
        {
            _limit.Arm(timeLimit);
            return result;
        }

        if (isRegistered)
        {
            _owner.Loop.Forget(_registration);
        }

        _socket?.Dispose();
        _socket = null;
        return result;
    }

    /// <summary>The error of a server that cannot be reached, told to who asked, so that it goes on to another at once.</summary>
    public int WriteFailure(Span<byte> destination)
    {
        var writer = new DnsAnswerWriter(_kept, _query, destination, DnsAnswerWriter.DatagramBytes(_query));
        return writer.Finish(DnsCode.ServerFailure, isAuthoritative: false);
    }

    /// <summary>Gives it up; nobody is told.</summary>
    public void Abort()
    {
        _limit.Cancel();
        if (_socket is not null)
        {
            _owner.Loop.Forget(_registration);
            _socket.Dispose();
            _socket = null;
        }
    }

    void ITimerHandler.OnTimer(LoopTimer timer)
    {
        // The server was silent, and so are we: its client tries again, or elsewhere, as it would without us.
        Abort();
        _owner.OnTimedOut(this);
    }

    void IReadyHandler.OnReady(EpollEvents events)
    {
        if (events == EpollEvents.None)
        {
            _isDeferred = false;
        }

        for (int i = 0; i < ReceivesPerTurnMax && _socket is not null; i++)
        {
            Span<byte> scratch = _owner.Loop.Scratch;
            SysResult received = Mesh.Interop.Linux.Sockets.Receive(_socket, scratch);
            if (received.WouldBlock)
            {
                return;
            }

            if (!received.Ok)
            {
                Abort();
                _owner.OnUnreachable(this, _server, _client);
                return;
            }

            Span<byte> answer = scratch[..received.Count];
            if (!DnsReply.Answers(answer, _id, _kept, _query))
            {
                _owner.OnStray();
                continue;
            }

            _kept.AsSpan(0, 2).CopyTo(answer);
            Abort();
            _owner.OnAnswered(this, answer, _server, _client);
            return;
        }

        // Once, however often the socket becomes ready until then.
        if (_socket is not null && !_isDeferred)
        {
            _isDeferred = true;
            _owner.Loop.RunNextTurn(this);
        }
    }
}
