using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http2;

namespace Mesh.Fuzz.Targets;

/// <summary>
/// An owner that does anything at any moment, inside calls and between them. No oracle can follow it; what must always hold is checked.
/// </summary>
internal sealed class ChaosOwner : IHttp2Handler
{
    private readonly Http2Plan _plan;
    private readonly Random _random;
    private readonly Http2Connection _connection;
    private readonly HashSet<Http2Stream> _open = [];
    private readonly HeaderList _request = new();
    private readonly HeaderList _response = new();
    private bool _isInside;

    public ChaosOwner(Http2Plan plan)
    {
        _plan = plan;
        _random = new Random(plan.CutSeed);
        _connection = new Http2Connection(plan.Role, plan.Options, this);
        _request.Add(":method"u8, "CONNECT"u8);
        _request.Add(":authority"u8, "a:1"u8);
        _response.Add(":status"u8, "200"u8);
    }

    public void Run(IEnumerable<byte[]> pieces)
    {
        _connection.Start();
        foreach (byte[] piece in pieces)
        {
            Act();
            _connection.Receive(piece, _random.Next(1_000));
            Check();
            _connection.Output.Advance(_random.Next(_connection.Output.UnsentBytes + 1));
        }

        _connection.Abandon();
        Check();
        if (_open.Count != 0)
        {
            throw new FuzzFailure($"{_open.Count} streams were never told closed.");
        }
    }

    public void OnHeaders(Http2Stream stream, HeaderList headers, bool endStream)
    {
        Enter();
        if (stream.LastBlock == HeaderBlockKind.Request)
        {
            _open.Add(stream);
        }

        Leave();
    }

    public void OnData(Http2Stream stream, ReadOnlySpan<byte> data, bool endStream)
    {
        Enter();
        if (_random.Next(2) == 0)
        {
            _connection.Consumed(stream, stream.ReceivedUnconsumed);
        }

        Leave();
    }

    public void OnStreamReset(Http2Stream stream, Http2ErrorCode code, bool byPeer)
    {
        Enter();
        Leave();
    }

    public void OnSendWindowOpened(Http2Stream? stream)
    {
        Enter();
        Leave();
    }

    public void OnGoAway(int lastStreamId, Http2ErrorCode code)
    {
        Enter();
        Leave();
    }

    public void OnPingAck(ulong opaque)
    {
        Enter();
        Leave();
    }

    public void OnSettingsChanged()
    {
        Enter();
        Leave();
    }

    public void OnStreamClosed(Http2Stream stream)
    {
        Enter();
        if (!_open.Remove(stream))
        {
            throw new FuzzFailure($"Stream {stream.Id} was told closed and was not open.");
        }

        Leave();
    }

    private void Enter()
    {
        if (_isInside)
        {
            throw new FuzzFailure("Calls of the owner nest.");
        }

        _isInside = true;
    }

    private void Leave()
    {
        Act();
        _isInside = false;
    }

    private void Act()
    {
        Http2Stream? stream = _open.Count == 0 ? null : _open.ElementAt(_random.Next(_open.Count));
        switch (_random.Next(60))
        {
            case < 5 when _connection.TryOpenStream(_request, _random.Next(3) == 0, tag: null, out Http2Stream opened):
                _open.Add(opened);
                break;
            case < 15 when stream is not null && _plan.Role == Http2Role.Server && _connection.SendableBytes(stream) == 0:
                Answer(stream);
                break;
            case < 25 when stream is not null:
                Send(stream);
                break;
            case < 28 when stream is not null:
                _connection.ResetStream(stream, Http2ErrorCode.Cancel);
                break;
            case < 32 when stream is not null:
                _connection.Consumed(stream, _random.Next(stream.ReceivedUnconsumed + 1));
                break;
            case 32:
                _connection.SendPing(1);
                break;
            case 33:
                _connection.BeginDrain();
                break;
            case 34:
                _connection.SendGoAway(Http2ErrorCode.NoError, "chaos");
                break;
            case 35:
                _connection.Tick(_random.Next(1_000));
                break;
            case 36 when _random.Next(20) == 0:
                _connection.Abandon();
                break;
            default:
                break;
        }
    }

    private void Answer(Http2Stream stream)
    {
        // A second head or anything after the end is the owner's own mistake, and is told so by an exception.
        try
        {
            _connection.SendHeaders(stream, _response, _random.Next(3) == 0);
        }
        catch (InvalidOperationException)
        {
        }
    }

    private void Send(Http2Stream stream)
    {
        Span<byte> room = _connection.ReserveData(stream, _random.Next(1, 20_000));
        if (!room.IsEmpty)
        {
            _connection.CommitData(stream, _random.Next(room.Length + 1), _random.Next(4) == 0);
        }
        else if (_plan.Role == Http2Role.Client)
        {
            _connection.CompleteSend(stream);
        }
    }

    private void Check()
    {
        if (_connection.ActiveStreams != _open.Count || _connection.ReceiveWindowAvailableBytes < 0 || _connection.SendWindowBytes < 0)
        {
            throw new FuzzFailure(
                $"{_connection.ActiveStreams} streams are active and {_open.Count} known; windows {_connection.ReceiveWindowAvailableBytes} and {_connection.SendWindowBytes}.");
        }

        foreach (Http2Stream stream in _open)
        {
            if (stream.State is Http2StreamState.Idle or Http2StreamState.Closed || stream.ReceivedUnconsumed < 0)
            {
                throw new FuzzFailure($"Stream {stream.Id} is {stream.State} and holds {stream.ReceivedUnconsumed} bytes.");
            }
        }
    }
}
