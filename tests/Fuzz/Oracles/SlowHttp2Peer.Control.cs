using System.Buffers.Binary;
using Mesh.Fuzz.Targets;
using Mesh.Node.Protocols.Http2;

namespace Mesh.Fuzz.Oracles;

/// <content>Frames about the connection: SETTINGS, PING, GOAWAY, WINDOW_UPDATE.</content>
internal sealed partial class SlowHttp2Peer
{
    private void OnSettings(int length, bool ack, int streamId, byte[] payload)
    {
        if (streamId != 0)
        {
            Fail("FrameNotOnStreamZero");
            return;
        }

        if (length % 6 != 0 || (ack && length > 0))
        {
            Fail("BadFrameSize");
            return;
        }

        if (ack)
        {
            if (_settingsUnacked == 0)
            {
                Fail("SettingsAckUnexpected");
                return;
            }

            _settingsUnacked--;
            _hpack.SetTableLimit(Http2Plan.TableBytes);
            return;
        }

        if (!Spend("SettingsFlood"))
        {
            return;
        }

        if (length > 64 * 6)
        {
            Fail("SettingsFlood");
            return;
        }

        bool opened = false;
        for (int at = 0; at + 6 <= payload.Length && !_failed; at += 6)
        {
            ApplySetting(BinaryPrimitives.ReadUInt16BigEndian(payload.AsSpan(at)), BinaryPrimitives.ReadUInt32BigEndian(payload.AsSpan(at + 2)), ref opened);
        }

        if (_failed || payload.Length < length)
        {
            return;
        }

        _settingsSeen = true;
        Send("SettingsAck");
        Say("Settings");
        if (opened)
        {
            Say("WindowOpened 0");
        }
    }

    private void ApplySetting(int id, uint value, ref bool opened)
    {
        switch (id)
        {
            case 2 when value > 1 || (IsClient && value == 1):
            case 5 when value is < 16_384 or > 16_777_215:
            case 8 when value > 1 || (value == 0 && _connectProtocolSeen):
                Fail("BadSettingValue");
                break;

            case 8:
                _connectProtocolSeen = value == 1;
                break;

            case 4 when value > int.MaxValue:
                Fail("WindowOverflow");
                break;

            case 4:
                long difference = value - _initialWindow;
                _initialWindow = value;
                foreach (Stream stream in _streams.Values.Where(next => next.IsOpen))
                {
                    bool wasClosed = stream.Send <= 0;
                    stream.Send += difference;
                    if (stream.Send > int.MaxValue)
                    {
                        Fail("WindowOverflow");
                        return;
                    }

                    opened |= wasClosed && stream.Send > 0;
                }

                break;

            default:
                break;
        }
    }

    private void OnPing(int length, bool ack, int streamId, byte[] payload)
    {
        if (!IsControl(length, 8, streamId != 0 ? "FrameNotOnStreamZero" : null) || payload.Length < 8 || !Spend("PingFlood"))
        {
            return;
        }

        if (ack)
        {
            Say($"PingAck {BinaryPrimitives.ReadUInt64BigEndian(payload):x}");
        }
        else
        {
            Send($"PingAck {Convert.ToHexStringLower(payload)}");
        }
    }

    private void OnGoAway(int length, int streamId, byte[] payload)
    {
        if (streamId != 0)
        {
            Fail("FrameNotOnStreamZero");
            return;
        }

        if (length < 8)
        {
            Fail("BadFrameSize");
            return;
        }

        if (payload.Length < 8)
        {
            return;
        }

        int last = (int)(BinaryPrimitives.ReadUInt32BigEndian(payload) & 0x7FFF_FFFF);
        if (last > _goAwayReceivedLast)
        {
            Fail("GoAwayIncreased");
            return;
        }

        if (_goAwayReceived && !Spend("IgnoredFrameFlood"))
        {
            return;
        }

        _goAwayReceived = true;
        _goAwayReceivedLast = last;
        foreach (Stream stream in _streams.Values.Where(next => next.IsOpen && next.IsLocal && next.Id > last).OrderByDescending(next => next.Id).ToArray())
        {
            Say($"Reset {stream.Id} RefusedStream peer");
            Close(stream, "ResetByPeer");
        }

        Say($"GoAway {last} {(Http2ErrorCode)BinaryPrimitives.ReadUInt32BigEndian(payload.AsSpan(4))}");
    }

    private void OnWindowUpdate(int length, int streamId, byte[] payload)
    {
        if (!IsControl(length, 4, misplaced: null) || payload.Length < 4 || !Spend("WindowUpdateFlood"))
        {
            return;
        }

        long increment = BinaryPrimitives.ReadUInt32BigEndian(payload) & 0x7FFF_FFFF;
        if (streamId == 0)
        {
            _connectionSendWindow += increment;
            if (increment == 0)
            {
                Fail("ZeroWindowIncrement");
            }
            else if (_connectionSendWindow > int.MaxValue)
            {
                Fail("WindowOverflow");
            }

            return;
        }

        if (IsIdle(streamId))
        {
            Fail("FrameOnIdleStream");
            return;
        }

        Stream? stream = OpenStream(streamId);
        if (stream is null)
        {
            return;
        }

        if (increment == 0 || stream.Send + increment > int.MaxValue)
        {
            StreamError(streamId, increment == 0 ? "ProtocolError" : "FlowControlError");
            return;
        }

        bool wasClosed = stream.Send <= 0;
        stream.Send += increment;
        if (wasClosed && stream.Send > 0)
        {
            Say($"WindowOpened {streamId}");
        }
    }

    private bool IsControl(int length, int expected, string? misplaced)
    {
        if (misplaced is not null)
        {
            Fail(misplaced);
            return false;
        }

        if (length != expected)
        {
            Fail("BadFrameSize");
            return false;
        }

        return true;
    }
}
