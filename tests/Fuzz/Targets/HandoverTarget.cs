using System.Net;
using Mesh.Fuzz.Oracles;
using Mesh.Node.Capture;
using Mesh.Node.Capture.Handover;

namespace Mesh.Fuzz.Targets;

/// <summary>The messages between agent and proxy, against a reader of single bytes; what was read is written and read again.</summary>
/// <remarks>
/// Every input is read as each of the three messages: most are refused as two of them, which is as much a part of the comparison.
/// </remarks>
internal sealed class HandoverTarget : IFuzzTarget
{
    private const int FailureCharactersMax = 250;

    public string Name => "handover";

    public IReadOnlyList<string> Assemblies => ["Mesh.Node.Capture", "Mesh.Api", "Google.Protobuf"];

    public byte[] Generate(Random random)
    {
        var builder = new HandoverInputBuilder(random);
        return random.Next(6) switch
        {
            0 => builder.Hello(),
            1 => builder.Ack(),
            _ => builder.Request(),
        };
    }

    public void Run(byte[] input, FeatureSet features)
    {
        bool isTooLong = input.Length > HandoverCodec.MessageBytesMax;
        bool isHello = HandoverCodec.TryDecodeHello(input, out int bytesMax, out string? error);
        Compare(isTooLong ? SlowHandover.Malformed : SlowHandover.Hello(input), isHello ? $"hello, {bytesMax} bytes" : null, error, features);

        bool isAck = HandoverCodec.TryDecodeAck(input, out string? failure, out error);
        string? answer = !isAck ? null : failure is null ? "done" : $"failed: {failure}";
        Compare(isTooLong ? SlowHandover.Malformed : SlowHandover.Ack(input), answer, error, features);
        if (isAck)
        {
            AckAgain(failure);
        }

        HandoverCodec.TryDecodeRequest(input, out HandoverRequest? request, out error);
        Compare(isTooLong ? SlowHandover.Malformed : SlowHandover.Request(input), request is null ? null : Text(request), error, features);
        if (request is not null)
        {
            RequestAgain(request);
        }
    }

    private static void Compare(string expected, string? read, string? error, FeatureSet features)
    {
        if (read is null == string.IsNullOrEmpty(error))
        {
            throw new FuzzFailure($"Read {read ?? "nothing"} with the error '{error}'.");
        }

        bool isMalformed = error is not null
            && (error.StartsWith("the message is malformed", StringComparison.Ordinal) || error.StartsWith("the message has", StringComparison.Ordinal));
        string actual = read ?? (isMalformed ? SlowHandover.Malformed : SlowHandover.Refused);
        FuzzFailure.ThrowUnlessEqual(expected, actual, "Message");
        features.AddOutcome(actual.Split(' ', ',', ':')[0]);
        features.Add(FeatureSet.KindOf(error ?? ""));
    }

    private static void AckAgain(string? failure)
    {
        byte[] written = HandoverCodec.EncodeAck(failure);
        if (written.Length > HandoverCodec.PlainMessageBytesMax || !HandoverCodec.TryDecodeAck(written, out string? again, out _))
        {
            throw new FuzzFailure("The answer that was written is too long or cannot be read.");
        }

        // Nothing is cut off but what is too long, and a character of two halves goes whole.
        bool isWhole = (failure ?? "").StartsWith(again ?? "", StringComparison.Ordinal)
            && (again?.Length ?? 0) >= Math.Min(failure?.Length ?? 0, FailureCharactersMax - 1);
        if (!isWhole)
        {
            throw new FuzzFailure($"'{failure}' became '{again}'.");
        }
    }

    private static void RequestAgain(HandoverRequest request)
    {
        if (!HandoverCodec.TryDecodeRequest(HandoverCodec.Encode(request), out HandoverRequest? again, out string? error))
        {
            throw new FuzzFailure($"What was written cannot be read: {error}");
        }

        FuzzFailure.ThrowUnlessEqual(Text(request), Text(again), "Written and read again");
    }

    private static string Text(HandoverRequest request) => request switch
    {
        HandoverRequest.Add add => Text(add.Pod),
        HandoverRequest.Remove remove => $"remove {remove.Uid}",
        HandoverRequest.Keep keep => $"keep {keep.Uid}",
        _ => "snapshot sent",
    };

    private static string Text(PodAnnouncement pod)
    {
        string who = $"add {pod.Uid} {pod.Name} {pod.Namespace} {pod.ServiceAccount}";
        return pod.Details is not PodDetails details
            ? who
            : who + $"""
             by {(details.CaptureMode == CaptureMode.Tproxy ? "tproxy" : "redirect")}
             at {string.Join<IPAddress>(' ', details.Addresses)}
             on {string.Join<IPAddress>(' ', details.NodeAddresses)}
             probes {string.Join("; ", details.Probes.Select(Text))}
             annotations {string.Join("; ", details.Annotations.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => $"{pair.Key}={pair.Value}"))}
            """;
    }

    private static string Text(PodProbe probe) => $"{probe.Kind switch
    {
        PodProbeKind.Http => "http",
        PodProbeKind.Grpc => "grpc",
        _ => "tcp",
    }} {probe.Port} {probe.Path} {probe.Service}";
}
