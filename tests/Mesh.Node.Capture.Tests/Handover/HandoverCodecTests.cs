using System.Net;
using Google.Protobuf;
using Mesh.Node.Capture.Handover;
using Xunit;
using Wire = Mesh.Api.Handover;

namespace Mesh.Node.Capture.Tests.Handover;

public sealed class HandoverCodecTests
{
    private static readonly PodDetails s_details = new(
        [IPAddress.Parse("10.0.0.7"), IPAddress.Parse("fd00::7")],
        [IPAddress.Parse("10.0.0.1")],
        [
            new PodProbe(PodProbeKind.Http, 8080, "/healthz", ""), new PodProbe(PodProbeKind.Grpc, 9090, "", "shop.Cart"),
            new PodProbe(PodProbeKind.Tcp, 5432, "", ""),
        ],
        CaptureMode.Redirect,
        new Dictionary<string, string> { ["mesh-node.io/x"] = "y" });

    private static readonly PodAnnouncement s_pod = new("0f6c-1", "cart-0", "shop", "cart", s_details);

    [Fact]
    public void A_pod_with_everything_there_is_to_say_arrives_as_it_was_sent()
    {
        byte[] message = HandoverCodec.Encode(new HandoverRequest.Add(s_pod));

        Assert.True(HandoverCodec.TryDecodeRequest(message, out HandoverRequest? request, out _));
        PodAnnouncement pod = Assert.IsType<HandoverRequest.Add>(request).Pod;
        Assert.Equal(s_pod with { Details = null }, pod with { Details = null });
        Assert.NotNull(pod.Details);
        Assert.Equal(s_details.Addresses, pod.Details.Addresses);
        Assert.Equal(s_details.NodeAddresses, pod.Details.NodeAddresses);
        Assert.Equal(s_details.Probes, pod.Details.Probes);
        Assert.Equal(s_details.CaptureMode, pod.Details.CaptureMode);
        Assert.Equal(s_details.Annotations, pod.Details.Annotations);
    }

    [Theory]
    [InlineData("keep")]
    [InlineData("remove")]
    [InlineData("snapshot")]
    [InlineData("add")]
    public void Every_request_arrives_as_it_was_sent(string kind)
    {
        HandoverRequest sent = kind switch
        {
            "keep" => new HandoverRequest.Keep("u"),
            "remove" => new HandoverRequest.Remove("u"),
            "snapshot" => new HandoverRequest.SnapshotSent(),
            _ => new HandoverRequest.Add(s_pod with { Details = null }),
        };

        Assert.True(HandoverCodec.TryDecodeRequest(HandoverCodec.Encode(sent), out HandoverRequest? received, out _));
        Assert.Equal(sent, received);
    }

    // Written down from istio-cni's own messages, so that a change of numbering cannot go unseen.
    [Fact]
    public void The_bytes_are_those_of_istio()
    {
        Assert.Equal("1203120175", Hex(HandoverCodec.Encode(new HandoverRequest.Remove("u"))));
        Assert.Equal("2A030A0175", Hex(HandoverCodec.Encode(new HandoverRequest.Keep("u"))));
        Assert.Equal("1A00", Hex(HandoverCodec.Encode(new HandoverRequest.SnapshotSent())));
        HandoverRequest add = new HandoverRequest.Add(new PodAnnouncement("u", "n", "s", "a", null));
        Assert.Equal("0A0E0A01751209" + "0A016E" + "120173" + "1A0161", Hex(HandoverCodec.Encode(add)));
        Assert.Equal("0A00", Hex(HandoverCodec.EncodeAck(null)));
        Assert.Equal("0A030A0178", Hex(HandoverCodec.EncodeAck("x")));
        Assert.StartsWith("0801", Hex(HandoverCodec.EncodeHello()), StringComparison.Ordinal);
    }

    [Fact]
    public void A_message_cut_short_anywhere_is_refused_or_says_less_but_never_throws()
    {
        byte[] message = HandoverCodec.Encode(new HandoverRequest.Add(s_pod));
        for (int length = 0; length < message.Length; length++)
        {
            bool isRead = HandoverCodec.TryDecodeRequest(message.AsSpan(0, length), out HandoverRequest? request, out string? error);
            Assert.False(isRead, $"{length} bytes");
            Assert.Null(request);
            Assert.NotEmpty(error!);
        }
    }

    [Fact]
    public void Names_that_could_leave_an_identity_or_a_path_are_refused()
    {
        foreach (string name in (string[])["", "a/b", "../x", "a b", "ä", "a\n", new string('x', 254)])
        {
            foreach (PodAnnouncement pod in (PodAnnouncement[])
            [
                s_pod with { Uid = name }, s_pod with { Name = name },
                s_pod with { Namespace = name }, s_pod with { ServiceAccount = name },
            ])
            {
                byte[] message = HandoverCodec.Encode(new HandoverRequest.Add(pod));
                Assert.False(HandoverCodec.TryDecodeRequest(message, out _, out string? error), name);
                Assert.Contains("must be", error, StringComparison.Ordinal);
            }
        }

        Assert.False(HandoverCodec.TryDecodeRequest(HandoverCodec.Encode(new HandoverRequest.Remove("a/b")), out _, out _));
        Assert.False(HandoverCodec.TryDecodeRequest(HandoverCodec.Encode(new HandoverRequest.Keep("")), out _, out _));
    }

    [Theory]
    [InlineData("address")]
    [InlineData("mode")]
    [InlineData("probe-kind")]
    [InlineData("probe-port")]
    [InlineData("probe-path")]
    [InlineData("too-many")]
    [InlineData("annotation-twice")]
    [InlineData("no-info")]
    [InlineData("no-kind")]
    public void Details_that_make_no_sense_are_refused(string flaw)
    {
        Wire.WorkloadRequest message = Wire.WorkloadRequest.Parser.ParseFrom(HandoverCodec.Encode(new HandoverRequest.Add(s_pod)));
        Wire.PodDetails details = message.Add.WorkloadInfo.Details;
        switch (flaw)
        {
            case "address":
                details.Addresses.Add(ByteString.CopyFrom(1, 2, 3));
                break;
            case "mode":
                details.CaptureMode = "magic";
                break;
            case "probe-kind":
                details.Probes[0].Kind = "exec";
                break;
            case "probe-port":
                details.Probes[0].Port = 70_000;
                break;
            case "probe-path":
                details.Probes[0].Path = "healthz";
                break;
            case "too-many":
                details.Addresses.AddRange(Enumerable.Repeat(ByteString.CopyFrom(1, 2, 3, 4), 65));
                break;
            case "annotation-twice":
                details.Annotations.Add(details.Annotations[0].Clone());
                break;
            case "no-info":
                message.Add.WorkloadInfo = null;
                break;
            default:
                message.ClearPayload();
                break;
        }

        Assert.False(HandoverCodec.TryDecodeRequest(message.ToByteArray(), out _, out string? error));
        Assert.NotEmpty(error);
    }

    [Fact]
    public void The_hello_of_another_make_gets_short_messages_and_another_version_gets_none()
    {
        byte[] foreign = new Wire.ZdsHello { Version = Wire.Version.V1 }.ToByteArray();
        Assert.True(HandoverCodec.TryDecodeHello(foreign, out int bytesMax, out _));
        Assert.Equal(HandoverCodec.PlainMessageBytesMax, bytesMax);

        Assert.True(HandoverCodec.TryDecodeHello(HandoverCodec.EncodeHello(), out bytesMax, out _));
        Assert.Equal(HandoverCodec.MessageBytesMax, bytesMax);

        byte[] boastful = new Wire.ZdsHello { Version = Wire.Version.V1, MessageBytesMax = uint.MaxValue }.ToByteArray();
        Assert.True(HandoverCodec.TryDecodeHello(boastful, out bytesMax, out _));
        Assert.Equal(HandoverCodec.MessageBytesMax, bytesMax);

        Assert.False(HandoverCodec.TryDecodeHello([], out _, out string? error));
        Assert.Contains("version 0", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Answers_carry_a_reason_that_fits_the_smallest_message()
    {
        Assert.True(HandoverCodec.TryDecodeAck(HandoverCodec.EncodeAck(null), out string? failure, out _));
        Assert.Null(failure);

        byte[] verbose = HandoverCodec.EncodeAck(new string('ä', 10_000));
        Assert.InRange(verbose.Length, 1, HandoverCodec.PlainMessageBytesMax);
        Assert.True(HandoverCodec.TryDecodeAck(verbose, out failure, out _));
        Assert.StartsWith("ää", failure, StringComparison.Ordinal);

        Assert.False(HandoverCodec.TryDecodeAck([], out _, out _));
        Assert.False(HandoverCodec.TryDecodeAck([0xff], out _, out _));
    }

    // A tag of a wire type that does not exist, where a map would have been read past it.
    [Fact]
    public void What_is_malformed_within_an_annotation_is_refused_too()
    {
        byte[] annotations = [(4 << 3) | 2, 1, (1 << 3) | 7];
        byte[] details = [0xA2, 0x06, (byte)annotations.Length, .. annotations];
        byte[] message = [0x0A, (byte)(details.Length + 2), 0x12, (byte)details.Length, .. details];

        Assert.False(HandoverCodec.TryDecodeRequest(message, out _, out string? error));
        Assert.StartsWith("the message is malformed", error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_long_reason_is_not_cut_within_a_character()
    {
        byte[] verbose = HandoverCodec.EncodeAck(new string('x', 249) + "\U0001F600" + new string('y', 100));

        Assert.True(HandoverCodec.TryDecodeAck(verbose, out string? failure, out _));
        Assert.Equal(new string('x', 249), failure);
    }

    private static string Hex(byte[] bytes) => Convert.ToHexString(bytes);
}
