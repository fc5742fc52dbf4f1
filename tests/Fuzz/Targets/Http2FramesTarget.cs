using System.Buffers.Binary;
using Mesh.Fuzz.Oracles;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http2;
using Mesh.Node.Protocols.Http2.Frames;

namespace Mesh.Fuzz.Targets;

/// <summary>
/// The whole engine, both roles, against <see cref="SlowHttp2Peer"/>; the same input whole and cut at random must tell the same.
/// </summary>
/// <remarks>
/// The first two bytes of an input are its <see cref="Http2Plan"/>; the rest is what the peer sends, without preface unless the plan says
/// so.
/// </remarks>
internal sealed class Http2FramesTarget : IFuzzTarget
{
    private static readonly byte[] s_preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8.ToArray();

    public string Name => "http2-frames";

    public byte[] Generate(Random random) => new Http2InputBuilder(random).Build();

    public byte[]? Mutate(byte[] input, Random random) => Http2InputBuilder.MutateFrames(input, random);

    public void Run(byte[] input, FeatureSet features)
    {
        if (input.Length < 2)
        {
            return;
        }

        Http2Plan plan = Http2Plan.Read(input[0], input[1]);
        byte[] sent = plan.Role == Http2Role.Client || plan.SkipsPreface ? input[2..] : [.. s_preface, .. input[2..]];

        Transcript expected = new SlowHttp2Peer(plan).Run(sent);
        List<string> lines = expected.Lines;
        FuzzFailure.ThrowUnlessSame(lines, Drive(plan, [sent]).Lines, "The input in one piece:");
        FuzzFailure.ThrowUnlessSame(lines, Drive(plan, Cut(sent, new Random(plan.CutSeed))).Lines, $"The input in pieces (cut seed {plan.CutSeed}):");

        new ChaosOwner(plan).Run(Cut(sent, new Random(plan.CutSeed)));

        features.AddSequence(expected.Events.Select(line => line.Split(' ')[0] + plan.Role + plan.Owner));
        features.AddSequence(expected.Sent.Select(line => string.Join(' ', line.Split(' ').Where((_, i) => i != 1))));
        features.AddOutcome(expected.Error);
        features.Add(FeatureSet.KindOf(expected.Error + plan));
    }

    private static Transcript Drive(Http2Plan plan, IEnumerable<byte[]> pieces)
    {
        var transcript = new Transcript();
        var owner = new RecordingOwner(plan, transcript);
        var connection = new Http2Connection(plan.Role, plan.Options, owner);
        owner.Connection = connection;
        connection.Start();
        connection.Output.Advance(connection.Output.UnsentBytes);
        if (plan.SaidGoAway)
        {
            connection.SendGoAway(Http2ErrorCode.NoError, debug: null);
        }

        if (plan.Role == Http2Role.Client)
        {
            OpenStreams(connection, owner);
        }

        CollectSent(connection, transcript);
        foreach (byte[] piece in pieces)
        {
            bool failed = connection.Receive(piece, nowMs: 0) == Http2ReceiveStatus.ConnectionError;
            if (failed != connection.Error.IsError)
            {
                throw new FuzzFailure("The status and the error disagree.");
            }

            CollectSent(connection, transcript);
        }

        transcript.Error = connection.Error.Reason.ToString();
        if (connection.ActiveStreams != owner.OpenStreams)
        {
            throw new FuzzFailure($"{connection.ActiveStreams} streams are active, and the owner knows of {owner.OpenStreams}.");
        }

        connection.Abandon();
        if (owner.OpenStreams != 0 || connection.ActiveStreams != 0 || !connection.Output.IsEmpty)
        {
            throw new FuzzFailure("An abandoned connection is not empty.");
        }

        // What abandoning told is no part of the comparison.
        int told = transcript.Events.FindIndex(line => line.EndsWith(" ConnectError self", StringComparison.Ordinal));
        if (told >= 0)
        {
            transcript.Events.RemoveRange(told, transcript.Events.Count - told);
        }

        return transcript;
    }

    private static void OpenStreams(Http2Connection connection, RecordingOwner owner)
    {
        foreach (string method in (string[])["GET", "POST", "CONNECT", "HEAD"])
        {
            var headers = new HeaderList();
            headers.Add(":method"u8, System.Text.Encoding.ASCII.GetBytes(method));
            headers.Add(":authority"u8, "a"u8);
            if (!connection.TryOpenStream(headers, method is "GET" or "HEAD", tag: null, out Http2Stream stream))
            {
                throw new FuzzFailure("A client cannot open its first streams.");
            }

            owner.Opened(stream);
        }
    }

    private static void CollectSent(Http2Connection connection, Transcript transcript)
    {
        ReadOnlySpan<byte> unsent = connection.Output.Unsent;
        while (!unsent.IsEmpty)
        {
            FrameHeader header = FrameHeader.Decode(unsent);
            ReadOnlySpan<byte> payload = unsent.Slice(FrameHeader.SizeBytes, header.PayloadBytes);
            unsent = unsent[(FrameHeader.SizeBytes + header.PayloadBytes)..];
            transcript.Sent.Add(Describe(header, payload));
        }

        connection.Output.Advance(connection.Output.UnsentBytes);
    }

    private static string Describe(FrameHeader header, ReadOnlySpan<byte> payload)
    {
        string end = header.Has(FrameFlags.EndStream) ? " END" : "";
        return header.Type switch
        {
            FrameType.Data => $"Data {header.StreamId}{end}",
            FrameType.Headers => $"Headers {header.StreamId}{end}",
            FrameType.RstStream => $"Reset {header.StreamId} {(Http2ErrorCode)BinaryPrimitives.ReadUInt32BigEndian(payload)}",
            FrameType.Settings => "SettingsAck",
            FrameType.Ping => $"PingAck {Convert.ToHexStringLower(payload)}",
            FrameType.GoAway =>
                $"GoAway {BinaryPrimitives.ReadUInt32BigEndian(payload)} {(Http2ErrorCode)BinaryPrimitives.ReadUInt32BigEndian(payload[4..])}",
            FrameType.WindowUpdate => $"WindowUpdate {header.StreamId} {BinaryPrimitives.ReadUInt32BigEndian(payload)}",
            _ => header.ToString(),
        };
    }

    private static IEnumerable<byte[]> Cut(byte[] input, Random random)
    {
        int at = 0;
        while (at < input.Length)
        {
            int bytes = Math.Min(input.Length - at, random.Next(1, random.Next(3) == 0 ? 4 : 200));
            yield return input[at..(at + bytes)];
            at += bytes;
        }
    }
}
