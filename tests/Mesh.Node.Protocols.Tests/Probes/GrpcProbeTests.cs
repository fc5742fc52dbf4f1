using System.Text;
using Mesh.Node.Protocols.Http2.Frames;
using Mesh.Node.Protocols.Probes;

namespace Mesh.Node.Protocols.Tests.Probes;

/// <summary>Goal: of gRPC only a health check of a declared service goes on. Method: what a client sends, frame by frame.</summary>
public sealed class GrpcProbeTests
{
    private static readonly byte[] s_preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8.ToArray();
    private static readonly byte[] s_settings = Frame(FrameType.Settings, FrameFlags.None, 0);
    private static readonly ProbeRequests s_allowed = new([], ["", "shop.Cart", new string('x', 300)]);

    [Theory]
    [InlineData("")]
    [InlineData("shop.Cart")]
    public void A_check_of_a_declared_service_goes_on_as_it_comes(string service)
    {
        byte[] bytes =
        [
            .. s_preface, .. s_settings, .. Frame(FrameType.WindowUpdate, FrameFlags.None, 0, 0, 1, 0, 0),
            .. Frame(FrameType.Settings, FrameFlags.Ack, 0), .. Frame(FrameType.Ping, FrameFlags.None, 0, 1, 2, 3, 4, 5, 6, 7, 8),
            .. Request(), .. Frame(FrameType.Data, FrameFlags.EndStream, 1, Message(service)), .. Frame(FrameType.GoAway, FrameFlags.None, 0, new byte[8]),
        ];
        Assert.Equal(ProbeVerdict.Release(bytes.Length), new ProbeGuard(s_allowed).Judge(bytes));

        // A byte at a time: preface and frames go on as soon as they are whole.
        var guard = new ProbeGuard(s_allowed);
        int released = 0;
        for (int end = 1; end <= bytes.Length; end++)
        {
            ProbeVerdict verdict = guard.Judge(bytes.AsSpan(released, end - released));
            Assert.Null(verdict.Refusal);
            released += verdict.ReleasedBytes;
        }

        Assert.Equal(bytes.Length, released);
    }

    [Fact]
    public void A_long_name_and_a_separate_end_of_stream_are_well()
    {
        byte[] bytes =
        [
            .. s_preface, .. s_settings, .. Request(), .. Frame(FrameType.Data, FrameFlags.None, 1, Message(new string('x', 300))),
            .. Frame(FrameType.Data, FrameFlags.EndStream, 1),
        ];
        Assert.Equal(ProbeVerdict.Release(bytes.Length), new ProbeGuard(s_allowed).Judge(bytes));
    }

    public static TheoryData<string, byte[]> Refused => new()
    {
        { "does not begin as HTTP/2", "PRI * HTTP/2.1"u8.ToArray() },
        { "not SETTINGS", [.. s_preface, .. Frame(FrameType.Ping, FrameFlags.None, 0, new byte[8])] },
        { "not SETTINGS", [.. s_preface, .. Frame(FrameType.Settings, FrameFlags.Ack, 0)] },
        { "another service", [.. s_preface, .. s_settings, .. Request(), .. Frame(FrameType.Data, FrameFlags.EndStream, 1, Message("shop.Admin"))] },
        { "another service", [.. s_preface, .. s_settings, .. Request(), .. Frame(FrameType.Data, FrameFlags.None, 1, Message("shop.Cart")[..5])] },
        { "field 3", [.. s_preface, .. s_settings, .. Request((":path", "/shop.Cart/Empty"))] },
        { "field 3", [.. s_preface, .. s_settings, .. Request((":path", "/grpc.health.v1.Health/Watch"))] },
        { "field 1", [.. s_preface, .. s_settings, .. Request((":method", "GET"))] },
        { "field 5", [.. s_preface, .. s_settings, .. Request(("content-type", "application/json"))] },
        { "field 6", [.. s_preface, .. s_settings, .. Request(("grpc-encoding", "gzip"))] },
        { "field 6", [.. s_preface, .. s_settings, .. Request((":protocol", "websocket"))] },
        { "one request", [.. s_preface, .. s_settings, .. Request(), .. Request(streamId: 3)] },
        { "flags or a stream", [.. s_preface, .. s_settings, .. Request(flags: FrameFlags.EndHeaders | FrameFlags.EndStream)] },
        { "flags or a stream", [.. s_preface, .. s_settings, .. Request(flags: FrameFlags.None)] },
        { "flags or a stream", [.. s_preface, .. s_settings, .. Request(streamId: 2)] },
        { "flags or a stream", [.. s_preface, .. s_settings, .. Frame(FrameType.Data, FrameFlags.None, 1, Message(""))] },
        { "more than one message", [.. s_preface, .. s_settings, .. Request(), .. TwoMessages()] },
        { "malformed", [.. s_preface, .. s_settings, .. Frame(FrameType.Headers, FrameFlags.EndHeaders, 1, 0xFF)] },
        { "Continuation", [.. s_preface, .. s_settings, .. Frame(FrameType.Continuation, FrameFlags.EndHeaders, 1)] },
        { "PushPromise", [.. s_preface, .. s_settings, .. Frame(FrameType.PushPromise, FrameFlags.EndHeaders, 1)] },
        { "is no part of a probe", [.. s_preface, .. s_settings, .. Frame((FrameType)0x42, FrameFlags.None, 0)] },
        { "longer than 16384", [.. s_preface, .. s_settings, 0, 0x40, 1, 4, 0, 0, 0, 0, 0] },
        { "no request of a kind", "GET / HTTP/1.1\r\nHost: x\r\n\r\n"u8.ToArray() },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public void Anything_else_is_refused_by_name(string reason, byte[] bytes) =>
        Assert.Contains(reason, new ProbeGuard(s_allowed).Judge(bytes).Refusal, StringComparison.Ordinal);

    [Fact]
    public void A_client_that_sends_frames_for_ever_is_refused()
    {
        byte[] pings = [.. Enumerable.Repeat(Frame(FrameType.Ping, FrameFlags.None, 0, new byte[8]), 256).SelectMany(frame => frame)];
        Assert.Contains("no more than 256 frames", new ProbeGuard(s_allowed).Judge([.. s_preface, .. s_settings, .. pings]).Refusal, StringComparison.Ordinal);
    }

    private static byte[] TwoMessages() =>
        [.. Frame(FrameType.Data, FrameFlags.None, 1, Message("")), .. Frame(FrameType.Data, FrameFlags.EndStream, 1, Message(""))];

    /// <summary>A request as kubelet makes it, with one field replaced or added.</summary>
    private static byte[] Request((string Name, string Value)? change = null, int streamId = 1, FrameFlags flags = FrameFlags.EndHeaders)
    {
        List<(string Name, string Value)> fields =
        [
            (":method", "POST"), (":scheme", "http"), (":path", "/grpc.health.v1.Health/Check"), (":authority", "10.1.0.7:9090"),
            ("content-type", "application/grpc"), ("user-agent", "kube-probe/1.34 grpc-go/1.75.0"), ("te", "trailers"), ("grpc-timeout", "1S"),
        ];
        if (change is { } changed)
        {
            int at = fields.FindIndex(field => field.Name == changed.Name);
            if (at < 0)
            {
                fields.Insert(5, changed);
            }
            else
            {
                fields[at] = changed;
            }
        }

        List<byte> block = [];
        foreach ((string name, string value) in fields)
        {
            // Literal without indexing, new name (RFC 7541 §6.2.2); every length here is below 127.
            block.AddRange([0x00, (byte)name.Length, .. Encoding.ASCII.GetBytes(name), (byte)value.Length, .. Encoding.ASCII.GetBytes(value)]);
        }

        return Frame(FrameType.Headers, flags, streamId, [.. block]);
    }

    private static byte[] Message(string service)
    {
        byte[] name = Encoding.ASCII.GetBytes(service);
        byte[] request = name.Length switch
        {
            0 => [],
            < 128 => [0x0A, (byte)name.Length, .. name],
            _ => [0x0A, (byte)(0x80 | (name.Length & 0x7F)), (byte)(name.Length >> 7), .. name],
        };
        return [0, 0, 0, (byte)(request.Length >> 8), (byte)request.Length, .. request];
    }

    private static byte[] Frame(FrameType type, FrameFlags flags, int streamId, params byte[] payload)
    {
        byte[] frame = new byte[FrameHeader.SizeBytes + payload.Length];
        FrameHeader.Write(frame, payload.Length, type, flags, streamId);
        payload.CopyTo(frame, FrameHeader.SizeBytes);
        return frame;
    }
}
