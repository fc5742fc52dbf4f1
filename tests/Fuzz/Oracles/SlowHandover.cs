using System.Net;
using System.Text;

namespace Mesh.Fuzz.Oracles;

/// <summary>
/// Reads the messages of the hand-over socket field by field and says what they mean in one line of text: what was asked, or
/// <see cref="Malformed"/> when it is no protobuf, or <see cref="Refused"/> when it makes no sense.
/// </summary>
/// <remarks>
/// A field that comes again: numbers and texts are replaced, messages merged, lists longer. A later kind of request replaces an earlier
/// one.
/// </remarks>
internal static class SlowHandover
{
    public const string Malformed = "malformed";
    public const string Refused = "refused";

    private const int MessageBytesMax = 32_768;
    private const int PlainMessageBytesMax = 1_024;
    private const string NameCharacters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_";

    private static readonly UTF8Encoding s_strictUtf8 = new(false, throwOnInvalidBytes: true);

    public static string Hello(byte[] message)
    {
        int version = 0;
        uint bytesMax = 0;
        if (!TryEach(message, 0, field =>
            {
                version = field is { Number: 1, Kind: 0 } ? (int)(uint)field.Value : version;
                bytesMax = field is { Number: 100, Kind: 0 } ? (uint)field.Value : bytesMax;
                return true;
            }))
        {
            return Malformed;
        }

        return version == 1 ? $"hello, {Math.Min(Math.Max(bytesMax, PlainMessageBytesMax), MessageBytesMax)} bytes" : Refused;
    }

    public static string Ack(byte[] message)
    {
        string? error = null;
        bool isFine = TryEach(message, 0, field =>
        {
            error ??= field is { Number: 1, Kind: 2 } ? "" : null;
            return field is not { Number: 1, Kind: 2 } || TryEach(field.Bytes, 1, inner => inner is not { Number: 1, Kind: 2 } || TryText(inner, ref error));
        });
        return !isFine ? Malformed : error is null ? Refused : error.Length == 0 ? "done" : $"failed: {error}";
    }

    public static string Request(byte[] message)
    {
        int payload = 0;
        var add = new Pod();
        string uid = "";
        bool isFine = TryEach(message, 0, field =>
        {
            if (field.Kind != 2 || field.Number is not (1 or 2 or 3 or 5))
            {
                return true;
            }

            if (field.Number != payload)
            {
                payload = field.Number;
                add = new Pod();
                uid = "";
            }

            return payload switch
            {
                1 => TryReadAdd(field.Bytes, add),
                2 => TryEach(field.Bytes, 1, inner => inner is not { Number: 2, Kind: 2 } || TryText(inner, ref uid!)),
                3 => TryEach(field.Bytes, 1, _ => true),
                _ => TryEach(field.Bytes, 1, inner => inner is not { Number: 1, Kind: 2 } || TryText(inner, ref uid!)),
            };
        });
        return (isFine ? payload : -1) switch
        {
            -1 => Malformed,
            1 => add.ToString(),
            2 => IsName(uid, 128) ? $"remove {uid}" : Refused,
            3 => "snapshot sent",
            5 => IsName(uid, 128) ? $"keep {uid}" : Refused,
            _ => Refused,
        };
    }

    private static bool TryReadAdd(byte[] message, Pod pod) => TryEach(message, 1, field =>
    {
        switch (field)
        {
            case { Number: 1, Kind: 2 }:
                return TryText(field, ref pod.Uid!);
            case { Number: 2, Kind: 2 }:
                pod.HasInfo = true;
                return TryEach(field.Bytes, 2, inner => inner switch
                {
                    { Number: 1, Kind: 2 } => TryText(inner, ref pod.Name!),
                    { Number: 2, Kind: 2 } => TryText(inner, ref pod.Namespace!),
                    { Number: 3, Kind: 2 } => TryText(inner, ref pod.ServiceAccount!),
                    { Number: 100, Kind: 2 } => TryReadDetails(inner.Bytes, pod),
                    _ => true,
                });
            default:
                return true;
        }
    });

    private static bool TryReadDetails(byte[] message, Pod pod)
    {
        pod.HasDetails = true;
        return TryEach(message, 3, field =>
        {
            switch (field)
            {
                case { Number: 1, Kind: 2 }:
                    pod.Addresses.Add(field.Bytes);
                    return true;
                case { Number: 2, Kind: 2 }:
                    pod.NodeAddresses.Add(field.Bytes);
                    return true;
                case { Number: 3, Kind: 2 }:
                    var probe = new Probe();
                    pod.Probes.Add(probe);
                    return TryEach(field.Bytes, 4, inner =>
                    {
                        probe.Port = inner is { Number: 2, Kind: 0 } ? (uint)inner.Value : probe.Port;
                        return inner switch
                        {
                            { Number: 1, Kind: 2 } => TryText(inner, ref probe.Kind!),
                            { Number: 3, Kind: 2 } => TryText(inner, ref probe.Path!),
                            { Number: 4, Kind: 2 } => TryText(inner, ref probe.Service!),
                            _ => true,
                        };
                    });
                case { Number: 4, Kind: 2 }:
                    string key = "";
                    string value = "";
                    bool isFine = TryEach(field.Bytes, 4, inner => inner switch
                    {
                        { Number: 1, Kind: 2 } => TryText(inner, ref key!),
                        { Number: 2, Kind: 2 } => TryText(inner, ref value!),
                        _ => true,
                    });
                    pod.Annotations.Add((key, value));
                    return isFine;
                case { Number: 5, Kind: 2 }:
                    return TryText(field, ref pod.CaptureMode!);
                default:
                    return true;
            }
        });
    }

    private static bool TryEach(byte[] message, int depth, Func<SlowProtobufField, bool> read)
    {
        if (SlowProtobuf.Split(message, depth) is not { } fields)
        {
            return false;
        }

        return fields.TrueForAll(field => read(field));
    }

    private static bool TryText(SlowProtobufField field, ref string? text)
    {
        try
        {
            text = s_strictUtf8.GetString(field.Bytes);
            return true;
        }
        catch (DecoderFallbackException)
        {
            return false;
        }
    }

    private static bool IsName(string text, int charactersMax) =>
        text.Length >= 1 && text.Length <= charactersMax && text.All(NameCharacters.Contains);

    private sealed class Probe
    {
        public string Kind = "";
        public uint Port;
        public string Path = "";
        public string Service = "";

        public bool IsComplete => Port is >= 1 and <= 65_535 && Kind switch
        {
            "http" => Path.Length > 0 && Path[0] == '/' && Service == "",
            "grpc" => Path == "",
            "tcp" => Path == "" && Service == "",
            _ => false,
        };

        public override string ToString() => $"{Kind} {Port} {Path} {Service}";
    }

    private sealed class Pod
    {
        public bool HasInfo;
        public bool HasDetails;
        public string Uid = "";
        public string Name = "";
        public string Namespace = "";
        public string ServiceAccount = "";
        public string CaptureMode = "";

        public List<byte[]> Addresses { get; } = [];

        public List<byte[]> NodeAddresses { get; } = [];

        public List<Probe> Probes { get; } = [];

        public List<(string Key, string Value)> Annotations { get; } = [];

        private bool MakesSense => HasInfo && IsName(Uid, 128) && IsName(Name, 253) && IsName(Namespace, 253) && IsName(ServiceAccount, 253)
            && (!HasDetails || AreDetailsSensible);

        private bool AreDetailsSensible => Addresses.Count <= 64 && NodeAddresses.Count <= 64 && Probes.Count <= 256 && Annotations.Count <= 128
            && Addresses.Concat(NodeAddresses).All(address => address.Length is 4 or 16)
            && Annotations.DistinctBy(pair => pair.Key).Count() == Annotations.Count
            && Probes.TrueForAll(probe => probe.IsComplete) && CaptureMode is "tproxy" or "redirect";

        public override string ToString() => !MakesSense ? Refused : $"add {Uid} {Name} {Namespace} {ServiceAccount}" + (HasDetails ? $"""
             by {CaptureMode}
             at {string.Join(' ', Addresses.Select(Text))}
             on {string.Join(' ', NodeAddresses.Select(Text))}
             probes {string.Join("; ", Probes)}
             annotations {string.Join("; ", Annotations.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => $"{pair.Key}={pair.Value}"))}
            """ : "");

        private static string Text(byte[] address) => (address.Length == 16 && address[..10].All(next => next == 0) && address[10] == 255 && address[11] == 255
            ? new IPAddress(address[12..])
            : new IPAddress(address)).ToString();
    }
}
