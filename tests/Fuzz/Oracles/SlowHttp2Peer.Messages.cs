using Mesh.Fuzz.Targets;

namespace Mesh.Fuzz.Oracles;

/// <content>What a whole block is: a request, a response, trailers.</content>
internal sealed partial class SlowHttp2Peer
{
    private void OnRequest(int streamId, List<SlowField> fields, bool isTooLarge)
    {
        if (streamId > _goAwaySentLast)
        {
            Remember(streamId, "ResetByUs");
            Spend("IgnoredFrameFlood");
            return;
        }

        if (_streams.Values.Count(stream => stream.IsOpen && !stream.IsLocal) >= Http2Plan.StreamsMax)
        {
            if (Spend(_settingsUnacked == 0 ? "ProvokedResets" : "RapidReset", "ProvokedResets"))
            {
                Remember(streamId, "ResetByUs");
                Send($"Reset {streamId} RefusedStream");
            }

            return;
        }

        if (isTooLarge)
        {
            Refuse(streamId, _blockEnds ? null : "NoError");
            return;
        }

        bool isRequest = SlowHeaderRules.IsRequest(fields, plan.AllowsConnectProtocol, out bool isConnect, out bool isHead, out long contentBytes);
        if (!isRequest || (_blockEnds && !isConnect && contentBytes > 0))
        {
            Refuse(streamId, "ProtocolError");
            return;
        }

        var stream = new Stream(streamId, isLocal: false, _initialWindow, plan.Options.StreamWindowBytes)
        {
            HeadReceived = true,
            IsConnect = isConnect,
            IsHead = isHead,
            ContentLeft = isConnect ? -1 : contentBytes,
            PeerEnded = _blockEnds,
        };
        _streams[streamId] = stream;
        SayBlock("Request", streamId, fields);
        ResetAsPlanned(stream);
        if (plan.Owner == Http2Owner.Answers)
        {
            Send($"Headers {streamId}{(_blockEnds ? " END" : "")}");
            stream.HeadSent = true;
            stream.IsTunnel = isConnect;
            stream.WeEnded = _blockEnds;
            if (stream.IsFinished)
            {
                Close(stream, "Finished");
            }
        }
    }

    private void Refuse(int streamId, string? reset)
    {
        if (!Spend("ProvokedResets"))
        {
            return;
        }

        Send($"Headers {streamId} END");
        Remember(streamId, reset is null ? "Finished" : "ResetByUs");
        if (reset is not null)
        {
            Send($"Reset {streamId} {reset}");
        }

        Say($"Refused {streamId}");
    }

    private void OnResponse(Stream stream, List<SlowField> fields)
    {
        bool isResponse = SlowHeaderRules.IsResponse(fields, out int status, out long contentBytes);
        if (!isResponse || (status < 200 && _blockEnds))
        {
            StreamError(stream.Id, "ProtocolError");
            return;
        }

        if (status < 200)
        {
            stream.Informational++;
            if (stream.Informational > Http2Plan.InformationalMax)
            {
                Fail("InformationalFlood");
                return;
            }

            SayBlock("Informational", stream.Id, fields);
            ResetAsPlanned(stream);
            return;
        }

        stream.HeadReceived = true;
        if (stream.IsConnect && status < 300)
        {
            stream.IsTunnel = true;
        }
        else
        {
            stream.ContentLeft = stream.IsHead || status is 204 or 304 ? 0 : contentBytes;
        }

        if (_blockEnds && stream.ContentLeft > 0)
        {
            StreamError(stream.Id, "ProtocolError");
            return;
        }

        EndByBlock(stream, "Response", fields);
    }

    private void OnTrailers(Stream stream, List<SlowField> fields)
    {
        bool isTunnel = IsClient ? stream.IsTunnel : stream.IsConnect;
        if (!_blockEnds || isTunnel || stream.ContentLeft > 0 || !SlowHeaderRules.AreFields(fields, out _))
        {
            StreamError(stream.Id, "ProtocolError");
            return;
        }

        EndByBlock(stream, "Trailers", fields);
        if (plan.Owner == Http2Owner.Answers && !IsClient && stream.IsOpen)
        {
            CompleteAnswer(stream);
        }
    }

    private void EndByBlock(Stream stream, string kind, List<SlowField> fields)
    {
        stream.PeerEnded |= _blockEnds;
        bool isFinished = stream.IsFinished;
        SayBlock(kind, stream.Id, fields);
        if (isFinished)
        {
            Close(stream, "Finished");
        }
        else
        {
            ResetAsPlanned(stream);
        }
    }

    private void ResetAsPlanned(Stream stream)
    {
        if (plan.Resets(stream.Id))
        {
            Send($"Reset {stream.Id} Cancel");
            Close(stream, "ResetByUs");
        }
    }

    private void SayBlock(string kind, int streamId, List<SlowField> fields) =>
        Say($"{kind} {streamId} {string.Join('|', fields)}{(_blockEnds ? " END" : "")}");
}
