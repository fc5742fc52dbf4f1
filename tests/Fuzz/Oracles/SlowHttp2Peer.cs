using System.Buffers.Binary;
using Mesh.Fuzz.Targets;
using Mesh.Node.Protocols.Http2;

namespace Mesh.Fuzz.Oracles;

/// <summary>
/// RFC 9113 read from the top: the whole input lies there, one frame is judged after the other, every stream there ever was is remembered.
/// Knows what the engine should say and send for an input, including what its owner (<see cref="Http2Owner"/>) does about it.
/// </summary>
internal sealed partial class SlowHttp2Peer(Http2Plan plan)
{
    /// <summary>How many closed streams the engine can tell apart, by identifier; older ones it may have forgotten.</summary>
    private const int RememberedStreams = 16;

    private readonly Transcript _transcript = new();
    private readonly Dictionary<int, Stream> _streams = [];
    private readonly Dictionary<int, int> _rememberedAt = [];
    private readonly Dictionary<string, int> _floods = [];
    private readonly SlowHpackDecoder _hpack = new(Http2Plan.HeaderListBytesMax, Http2Plan.HeaderListBytesMax * Http2Plan.HeaderListBombFactor);
    private readonly List<byte> _block = [];
    private bool _settingsSeen;
    private int _settingsUnacked = 1;
    private bool _connectProtocolSeen;
    private int _lastPeerStream;
    private int _lastLocalStream;
    private int _goAwaySentLast = int.MaxValue;
    private long _goAwayReceivedLast = int.MaxValue;
    private bool _goAwayReceived;
    private long _initialWindow = 65_535;
    private long _connectionSendWindow = 65_535;
    private long _connectionReceive = plan.Options.ConnectionWindowBytes;
    private long _connectionReturned;
    private int _blockStream;
    private bool _blockEnds;
    private bool _blockOpens;
    private int _continuations;
    private bool _failed;

    private bool IsClient => plan.Role == Http2Role.Client;

    public Transcript Run(byte[] input)
    {
        if (plan.SaidGoAway)
        {
            _goAwaySentLast = 0;
            Send("GoAway 0 NoError");
        }

        if (IsClient)
        {
            OpenStreams();
        }

        int at = 0;
        if (!IsClient)
        {
            byte[] preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8.ToArray();
            int compared = Math.Min(preface.Length, input.Length);
            if (!input.AsSpan(0, compared).SequenceEqual(preface.AsSpan(0, compared)))
            {
                Fail("BadPreface");
            }

            at = preface.Length;
        }

        while (!_failed && at + 9 <= input.Length)
        {
            int length = (input[at] << 16) | (input[at + 1] << 8) | input[at + 2];
            int streamId = (int)(BinaryPrimitives.ReadUInt32BigEndian(input.AsSpan(at + 5)) & 0x7FFF_FFFF);
            byte[] payload = input[(at + 9)..Math.Min(input.Length, at + 9 + length)];
            OnFrame(length, input[at + 3], input[at + 4], streamId, payload);
            at += 9 + length;
        }

        return _transcript;
    }

    private void OpenStreams()
    {
        foreach (bool ends in (bool[])[true, false, false, true])
        {
            int id = _lastLocalStream == 0 ? 1 : _lastLocalStream + 2;
            _lastLocalStream = id;
            _streams[id] = new Stream(id, isLocal: true, _initialWindow, plan.Options.StreamWindowBytes)
            {
                HeadSent = true,
                WeEnded = ends,
                IsConnect = id == 5,
                IsHead = id == 7,
            };
            Send($"Headers {id}{(ends ? " END" : "")}");
        }
    }

    private void OnFrame(int length, int type, int flags, int streamId, byte[] payload)
    {
        bool ack = (flags & 1) != 0;
        if (length > Http2Plan.PayloadBytesMax)
        {
            Fail("FrameTooLarge");
        }
        else if (!_settingsSeen && (type != 4 || ack))
        {
            Fail("FirstFrameNotSettings");
        }
        else if (_blockStream != 0 && (type != 9 || streamId != _blockStream))
        {
            Fail("HeaderBlockInterrupted");
        }
        else
        {
            switch (type)
            {
                case 0:
                    OnData(length, flags, streamId, payload);
                    break;
                case 1:
                    OnHeaders(length, flags, streamId, payload);
                    break;
                case 2:
                    OnPriority(length, streamId);
                    break;
                case 3:
                    OnReset(length, streamId, payload);
                    break;
                case 4:
                    OnSettings(length, ack, streamId, payload);
                    break;
                case 5:
                    Fail("PushPromiseRefused");
                    break;
                case 6:
                    OnPing(length, ack, streamId, payload);
                    break;
                case 7:
                    OnGoAway(length, streamId, payload);
                    break;
                case 8:
                    OnWindowUpdate(length, streamId, payload);
                    break;
                case 9:
                    OnContinuation(length, flags, streamId, payload);
                    break;
                default:
                    Spend("IgnoredFrameFlood");
                    break;
            }
        }
    }

    /// <summary>Takes one from a budget; fails when there is none.</summary>
    private bool Spend(string budget, string? reason = null)
    {
        int spent = _floods.GetValueOrDefault(budget) + 1;
        _floods[budget] = spent;
        if (spent > Http2Plan.FloodBudget)
        {
            Fail(reason ?? budget);
        }

        return !_failed;
    }

    private void Fail(string reason)
    {
        if (_failed)
        {
            return;
        }

        _failed = true;
        _transcript.Error = reason;
        string code = Http2ConnectionError.For(Enum.Parse<Http2ErrorReason>(reason)).Code.ToString();
        Send($"GoAway {Math.Min(_goAwaySentLast, _lastPeerStream)} {code}");
        foreach (Stream stream in _streams.Values.Where(next => next.IsOpen).OrderByDescending(next => next.Id).ToArray())
        {
            Say($"Reset {stream.Id} {code} self");
            Close(stream, "ResetByUs");
        }
    }

    private void Say(string line) => _transcript.Events.Add(line);

    private void Send(string line) => _transcript.Sent.Add(line);
}
