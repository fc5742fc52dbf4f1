using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Net;
using Google.Protobuf;
using Wire = Mesh.Api.Handover;

namespace Mesh.Node.Capture.Handover;

/// <summary>
/// The messages of the hand-over socket, which are istio-cni's and ztunnel's, to and from bytes. Pure, strict and limited: the other end
/// runs with as many privileges as we do, but may be of another version or another make.
/// </summary>
public static class HandoverCodec
{
    /// <summary>
    /// The longest message Istio's agent and proxy take. A proxy that does not say otherwise gets none longer, and no details.
    /// </summary>
    public const int PlainMessageBytesMax = 1024;

    /// <summary>The longest message we take and send.</summary>
    public const int MessageBytesMax = 32 * 1024;

    private const int UidCharactersMax = 128;
    private const int NameCharactersMax = 253;
    private const int AddressesMax = 64;
    private const int ProbesMax = 256;
    private const int AnnotationsMax = 128;
    private const int ErrorCharactersMax = 250;

    // What an identity and a file name may both be made of; a Kubernetes name is narrower still.
    private static readonly SearchValues<char> s_nameCharacters =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_");

    /// <summary>The proxy's first message.</summary>
    public static byte[] EncodeHello() => new Wire.ZdsHello { Version = Wire.Version.V1, MessageBytesMax = MessageBytesMax }.ToByteArray();

    /// <summary>Reads the proxy's first message.</summary>
    /// <param name="message">All of it.</param>
    /// <param name="messageBytesMax">The longest message the proxy takes, between <see cref="PlainMessageBytesMax"/> and <see
    /// cref="MessageBytesMax"/>.</param>
    /// <param name="error">Why it is refused.</param>
    public static bool TryDecodeHello(ReadOnlySpan<byte> message, out int messageBytesMax, [NotNullWhen(false)] out string? error)
    {
        messageBytesMax = PlainMessageBytesMax;
        if (!TryParse(Wire.ZdsHello.Parser, message, out Wire.ZdsHello? hello, out error))
        {
            return false;
        }

        if (hello.Version != Wire.Version.V1)
        {
            error = $"version {(int)hello.Version} of the protocol is not supported, only 1";
            return false;
        }

        messageBytesMax = (int)Math.Clamp(hello.MessageBytesMax, PlainMessageBytesMax, MessageBytesMax);
        return true;
    }

    /// <summary>A request as bytes.</summary>
    public static byte[] Encode(HandoverRequest request) => ToWire(request).ToByteArray();

    /// <summary>Reads a request.</summary>
    /// <param name="message">All of it.</param>
    /// <param name="request">The request, checked.</param>
    /// <param name="error">Why it is refused.</param>
    public static bool TryDecodeRequest(
        ReadOnlySpan<byte> message, [NotNullWhen(true)] out HandoverRequest? request, [NotNullWhen(false)] out string? error)
    {
        request = null;
        if (!TryParse(Wire.WorkloadRequest.Parser, message, out Wire.WorkloadRequest? wire, out error))
        {
            return false;
        }

        switch (wire.PayloadCase)
        {
            case Wire.WorkloadRequest.PayloadOneofCase.Add:
                request = TryReadPod(wire.Add, out error) is PodAnnouncement pod ? new HandoverRequest.Add(pod) : null;
                break;
            case Wire.WorkloadRequest.PayloadOneofCase.Keep:
                request = IsName(wire.Keep.Uid, UidCharactersMax, "uid", out error) ? new HandoverRequest.Keep(wire.Keep.Uid) : null;
                break;
            case Wire.WorkloadRequest.PayloadOneofCase.Del:
                request = IsName(wire.Del.Uid, UidCharactersMax, "uid", out error) ? new HandoverRequest.Remove(wire.Del.Uid) : null;
                break;
            case Wire.WorkloadRequest.PayloadOneofCase.SnapshotSent:
                request = new HandoverRequest.SnapshotSent();
                break;
            default:
                error = "the request is of an unknown kind";
                break;
        }

        return request is not null;
    }

    /// <summary>An answer as bytes.</summary>
    /// <param name="error">Null or empty when the request was carried out; cut short when it is long.</param>
    public static byte[] EncodeAck(string? error) => new Wire.WorkloadResponse
    {
        Ack = new Wire.Ack { Error = error is null ? "" : error.Length <= ErrorCharactersMax ? error : CutShort(error) },
    }.ToByteArray();

    /// <summary>Reads an answer.</summary>
    /// <param name="message">All of it.</param>
    /// <param name="failure">What the other end says went wrong; null when nothing did.</param>
    /// <param name="error">Why the answer itself is refused.</param>
    public static bool TryDecodeAck(ReadOnlySpan<byte> message, out string? failure, [NotNullWhen(false)] out string? error)
    {
        failure = null;
        if (!TryParse(Wire.WorkloadResponse.Parser, message, out Wire.WorkloadResponse? wire, out error))
        {
            return false;
        }

        if (wire.PayloadCase != Wire.WorkloadResponse.PayloadOneofCase.Ack)
        {
            error = "the answer is of an unknown kind";
            return false;
        }

        failure = wire.Ack.Error.Length > 0 ? wire.Ack.Error : null;
        return true;
    }

    private static string CutShort(string error) =>
        // Not between the halves of one character: half of one cannot be sent.
        error[..(char.IsHighSurrogate(error[ErrorCharactersMax - 1]) ? ErrorCharactersMax - 1 : ErrorCharactersMax)];

    private static bool TryParse<T>(
        MessageParser<T> parser, ReadOnlySpan<byte> message, [NotNullWhen(true)] out T? parsed, [NotNullWhen(false)] out string? error)
        where T : class, IMessage<T>
    {
        parsed = null;
        if (message.Length > MessageBytesMax)
        {
            error = $"the message has {message.Length} bytes, more than {MessageBytesMax}";
            return false;
        }

        try
        {
            parsed = parser.ParseFrom(message);
            error = null;
            return true;
        }
        catch (InvalidProtocolBufferException malformed)
        {
            error = $"the message is malformed: {malformed.Message}";
            return false;
        }
    }

    private static PodAnnouncement? TryReadPod(Wire.AddWorkload wire, out string? error)
    {
        if (wire.WorkloadInfo is not Wire.WorkloadInfo workload)
        {
            error = "workload_info is missing";
            return null;
        }

        if (!IsName(wire.Uid, UidCharactersMax, "uid", out error)
            || !IsName(workload.Name, NameCharactersMax, "name", out error)
            || !IsName(workload.Namespace, NameCharactersMax, "namespace", out error)
            || !IsName(workload.ServiceAccount, NameCharactersMax, "service_account", out error))
        {
            return null;
        }

        PodDetails? details = null;
        if (workload.Details is not null)
        {
            details = TryReadDetails(workload.Details, out error);
            if (details is null)
            {
                return null;
            }
        }

        return new PodAnnouncement(wire.Uid, workload.Name, workload.Namespace, workload.ServiceAccount, details);
    }

    private static PodDetails? TryReadDetails(Wire.PodDetails wire, out string? error)
    {
        if (wire.Addresses.Count > AddressesMax || wire.NodeAddresses.Count > AddressesMax
            || wire.Probes.Count > ProbesMax || wire.Annotations.Count > AnnotationsMax)
        {
            error = $"more than {AddressesMax} addresses, {ProbesMax} probes or {AnnotationsMax} annotations";
            return null;
        }

        if (TryReadAddresses(wire.Addresses) is not IReadOnlyList<IPAddress> addresses
            || TryReadAddresses(wire.NodeAddresses) is not IReadOnlyList<IPAddress> nodeAddresses)
        {
            error = "an address has neither 4 nor 16 bytes";
            return null;
        }

        List<PodProbe> probes = [];
        foreach (Wire.Probe probe in wire.Probes)
        {
            if (TryReadProbe(probe, out error) is not PodProbe read)
            {
                return null;
            }

            probes.Add(read);
        }

        Dictionary<string, string> annotations = new(StringComparer.Ordinal);
        foreach (Wire.Annotation annotation in wire.Annotations)
        {
            if (!annotations.TryAdd(annotation.Key, annotation.Value))
            {
                error = "an annotation is told twice";
                return null;
            }
        }

        CaptureMode? mode = wire.CaptureMode switch
        {
            "tproxy" => CaptureMode.Tproxy,
            "redirect" => CaptureMode.Redirect,
            _ => null,
        };
        error = mode is null ? $"capture_mode is neither tproxy nor redirect" : null;
        return mode is null
            ? null
            : new PodDetails(addresses, nodeAddresses, probes, mode.Value, annotations);
    }

    private static List<IPAddress>? TryReadAddresses(IEnumerable<ByteString> wire)
    {
        List<IPAddress> addresses = [];
        foreach (ByteString bytes in wire)
        {
            if (bytes.Length is not (4 or 16))
            {
                return null;
            }

            IPAddress address = new(bytes.Span);
            addresses.Add(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address);
        }

        return addresses;
    }

    private static PodProbe? TryReadProbe(Wire.Probe wire, out string? error)
    {
        PodProbeKind? kind = wire.Kind switch
        {
            "http" => PodProbeKind.Http,
            "grpc" => PodProbeKind.Grpc,
            "tcp" => PodProbeKind.Tcp,
            _ => null,
        };
        bool isComplete = kind switch
        {
            PodProbeKind.Http => wire.Path.StartsWith('/') && wire.Service.Length == 0,
            PodProbeKind.Grpc => wire.Path.Length == 0,
            PodProbeKind.Tcp => wire.Path.Length == 0 && wire.Service.Length == 0,
            _ => false,
        };
        if (!isComplete || wire.Port is 0 or > ushort.MaxValue)
        {
            error = "a probe is incomplete: http needs a path, and only grpc has a service; the port is 1 to 65535";
            return null;
        }

        error = null;
        return new PodProbe(kind!.Value, (int)wire.Port, wire.Path, wire.Service);
    }

    private static bool IsName(string text, int charactersMax, string field, [NotNullWhen(false)] out string? error)
    {
        bool isName = text.Length > 0 && text.Length <= charactersMax && !text.AsSpan().ContainsAnyExcept(s_nameCharacters);
        error = isName ? null : $"{field} must be 1 to {charactersMax} letters, digits, dots, hyphens or underscores";
        return isName;
    }

    private static Wire.WorkloadRequest ToWire(HandoverRequest request) => request switch
    {
        HandoverRequest.Add add => new Wire.WorkloadRequest { Add = ToWire(add.Pod) },
        HandoverRequest.Keep keep => new Wire.WorkloadRequest { Keep = new Wire.KeepWorkload { Uid = keep.Uid } },
        HandoverRequest.Remove remove => new Wire.WorkloadRequest { Del = new Wire.DelWorkload { Uid = remove.Uid } },
        HandoverRequest.SnapshotSent => new Wire.WorkloadRequest { SnapshotSent = new Wire.SnapshotSent() },
        _ => throw new ArgumentOutOfRangeException(nameof(request), request, null),
    };

    private static Wire.AddWorkload ToWire(PodAnnouncement pod)
    {
        Wire.WorkloadInfo workload = new() { Name = pod.Name, Namespace = pod.Namespace, ServiceAccount = pod.ServiceAccount };
        if (pod.Details is PodDetails details)
        {
            workload.Details = new Wire.PodDetails { CaptureMode = details.CaptureMode == CaptureMode.Tproxy ? "tproxy" : "redirect" };
            workload.Details.Addresses.AddRange(details.Addresses.Select(ToWire));
            workload.Details.NodeAddresses.AddRange(details.NodeAddresses.Select(ToWire));
            workload.Details.Probes.AddRange(details.Probes.Select(probe => new Wire.Probe
            {
                Kind = probe.Kind switch
                {
                    PodProbeKind.Http => "http",
                    PodProbeKind.Grpc => "grpc",
                    PodProbeKind.Tcp => "tcp",
                    _ => throw new ArgumentOutOfRangeException(nameof(pod), probe.Kind, null),
                },
                Port = (uint)probe.Port,
                Path = probe.Path,
                Service = probe.Service,
            }));
            workload.Details.Annotations.AddRange(
                details.Annotations.Select(annotation => new Wire.Annotation { Key = annotation.Key, Value = annotation.Value }));
        }

        return new Wire.AddWorkload { Uid = pod.Uid, WorkloadInfo = workload };
    }

    private static ByteString ToWire(IPAddress address)
    {
        IPAddress plain = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        return ByteString.CopyFrom(plain.GetAddressBytes());
    }
}
