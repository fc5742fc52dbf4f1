using System.Buffers;
using System.Text;
using System.Text.Unicode;

namespace Mesh.Node.Protocols.Hbone;

/// <summary>
/// What an HBONE peer says about its workload, for telemetry only: the baggage header (W3C Baggage; ambient's keys). Immutable.
/// </summary>
/// <remarks>Nothing here is an identity: it is the peer's own claim, while its identity is its certificate's.</remarks>
public sealed record Baggage
{
    /// <summary>The longest value that is read or written (W3C Baggage §3.3.2).</summary>
    public const int BytesMax = 8_192;

    private const int MembersMax = 64;
    private const int ValueBytesMax = 512;

    // baggage-octet without the percent sign, which begins an escape.
    private static readonly SearchValues<byte> s_valueBytes =
        SearchValues.Create("!#$&'()*+-./0123456789:<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[]^_`abcdefghijklmnopqrstuvwxyz{|}~"u8);

    private static readonly SearchValues<byte> s_tokenBytes =
        SearchValues.Create("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"u8);

    /// <summary>k8s.cluster.name.</summary>
    public string? Cluster { get; init; }

    /// <summary>k8s.namespace.name.</summary>
    public string? Namespace { get; init; }

    /// <summary>Which of the k8s.*.name keys carries <see cref="WorkloadName"/>.</summary>
    public BaggageWorkloadKind WorkloadKind { get; init; }

    /// <summary>k8s.deployment.name, k8s.cronjob.name, k8s.job.name or k8s.pod.name.</summary>
    public string? WorkloadName { get; init; }

    /// <summary>service.name: the canonical name.</summary>
    public string? ServiceName { get; init; }

    /// <summary>service.version: the canonical revision.</summary>
    public string? ServiceVersion { get; init; }

    /// <summary>cloud.region.</summary>
    public string? Region { get; init; }

    /// <summary>cloud.availability_zone.</summary>
    public string? Zone { get; init; }

    /// <summary>Reads a whole value. Keys that are not ambient's are ignored; anything malformed or repeated refuses all of it.</summary>
    public static bool TryParse(ReadOnlySpan<byte> text, out Baggage? baggage)
    {
        baggage = null;
        if (text.Length > BytesMax)
        {
            return false;
        }

        var parsed = new Baggage();
        int seen = 0;
        for (int member = 0; member < MembersMax; member++)
        {
            int comma = text.IndexOf((byte)',');
            ReadOnlySpan<byte> next = comma < 0 ? text : text[..comma];
            if (!TryParseMember(next.Trim(" \t"u8), ref parsed, ref seen))
            {
                return false;
            }

            if (comma < 0)
            {
                baggage = parsed;
                return true;
            }

            text = text[(comma + 1)..];
        }

        return false;
    }

    /// <summary>Writes the members that are known, in ambient's order. Nothing known writes nothing.</summary>
    /// <returns>False when it does not fit.</returns>
    public bool TryFormat(Span<byte> destination, out int bytesWritten)
    {
        var writer = new Utf8Writer(destination);
        bool isFirst = true;
        Write(ref writer, ref isFirst, "k8s.cluster.name="u8, Cluster);
        Write(ref writer, ref isFirst, "k8s.namespace.name="u8, Namespace);
        Write(ref writer, ref isFirst, KeyOf(WorkloadKind), WorkloadName);
        Write(ref writer, ref isFirst, "service.name="u8, ServiceName);
        Write(ref writer, ref isFirst, "service.version="u8, ServiceVersion);
        Write(ref writer, ref isFirst, "cloud.region="u8, Region);
        Write(ref writer, ref isFirst, "cloud.availability_zone="u8, Zone);
        return writer.TryFinish(out bytesWritten);
    }

    internal static bool IsValueByte(byte next) => s_valueBytes.Contains(next);

    private static ReadOnlySpan<byte> KeyOf(BaggageWorkloadKind kind) => kind switch
    {
        BaggageWorkloadKind.Deployment => "k8s.deployment.name="u8,
        BaggageWorkloadKind.CronJob => "k8s.cronjob.name="u8,
        BaggageWorkloadKind.Job => "k8s.job.name="u8,
        _ => "k8s.pod.name="u8,
    };

    private static void Write(ref Utf8Writer writer, ref bool isFirst, ReadOnlySpan<byte> key, string? value)
    {
        if (string.IsNullOrEmpty(value))
        {
            return;
        }

        writer.Write(isFirst ? ""u8 : ","u8);
        writer.Write(key);
        writer.WritePercentEncoded(value);
        isFirst = false;
    }

    /// <summary>Reads key, "=", value, and properties that nobody uses.</summary>
    private static bool TryParseMember(ReadOnlySpan<byte> member, ref Baggage baggage, ref int seen)
    {
        int semicolon = member.IndexOf((byte)';');
        if (semicolon >= 0)
        {
            if (!AreProperties(member[(semicolon + 1)..]))
            {
                return false;
            }

            member = member[..semicolon];
        }

        int equals = member.IndexOf((byte)'=');
        if (equals <= 0)
        {
            return false;
        }

        ReadOnlySpan<byte> key = member[..equals].TrimEnd(" \t"u8);
        if (key.IsEmpty || key.ContainsAnyExcept(s_tokenBytes)
            || !TryDecode(member[(equals + 1)..].Trim(" \t"u8), out string? value))
        {
            return false;
        }

        int bit = Set(ref baggage, key, value);
        bool isRepeated = (seen & bit) != 0;
        seen |= bit;
        return !isRepeated;
    }

    private static bool AreProperties(ReadOnlySpan<byte> properties)
    {
        while (true)
        {
            int semicolon = properties.IndexOf((byte)';');
            ReadOnlySpan<byte> property = (semicolon < 0 ? properties : properties[..semicolon]).Trim(" \t"u8);
            int equals = property.IndexOf((byte)'=');
            ReadOnlySpan<byte> key = (equals < 0 ? property : property[..equals]).TrimEnd(" \t"u8);
            if (key.IsEmpty || key.ContainsAnyExcept(s_tokenBytes)
                || (equals >= 0 && !TryDecode(property[(equals + 1)..].Trim(" \t"u8), out _)))
            {
                return false;
            }

            if (semicolon < 0)
            {
                return true;
            }

            properties = properties[(semicolon + 1)..];
        }
    }

    /// <summary>Stores a value and returns a bit of its own for the key; no bit for a key that is not ambient's.</summary>
    private static int Set(ref Baggage baggage, ReadOnlySpan<byte> key, string value)
    {
        switch (key)
        {
            case var _ when key.SequenceEqual("k8s.cluster.name"u8):
                baggage = baggage with { Cluster = value };
                return 0x1;
            case var _ when key.SequenceEqual("k8s.namespace.name"u8):
                baggage = baggage with { Namespace = value };
                return 0x2;
            case var _ when key.SequenceEqual("service.name"u8):
                baggage = baggage with { ServiceName = value };
                return 0x4;
            case var _ when key.SequenceEqual("service.version"u8):
                baggage = baggage with { ServiceVersion = value };
                return 0x8;
            case var _ when key.SequenceEqual("cloud.region"u8):
                baggage = baggage with { Region = value };
                return 0x10;
            case var _ when key.SequenceEqual("cloud.availability_zone"u8):
                baggage = baggage with { Zone = value };
                return 0x20;
            case var _ when key.SequenceEqual("k8s.deployment.name"u8):
                return SetWorkload(ref baggage, BaggageWorkloadKind.Deployment, value);
            case var _ when key.SequenceEqual("k8s.cronjob.name"u8):
                return SetWorkload(ref baggage, BaggageWorkloadKind.CronJob, value);
            case var _ when key.SequenceEqual("k8s.job.name"u8):
                return SetWorkload(ref baggage, BaggageWorkloadKind.Job, value);
            case var _ when key.SequenceEqual("k8s.pod.name"u8):
                return SetWorkload(ref baggage, BaggageWorkloadKind.Pod, value);
            default:
                return 0;
        }
    }

    private static int SetWorkload(ref Baggage baggage, BaggageWorkloadKind kind, string value)
    {
        baggage = baggage with { WorkloadKind = kind, WorkloadName = value };
        return 0x40; // One bit for all four: a workload is of one kind.
    }

    /// <summary>Takes percent escapes out and insists on UTF-8 without control characters.</summary>
    private static bool TryDecode(ReadOnlySpan<byte> value, out string text)
    {
        text = "";
        if (value.Length > 3 * ValueBytesMax)
        {
            return false;
        }

        Span<byte> decoded = stackalloc byte[3 * ValueBytesMax];
        int written = 0;
        for (int i = 0; i < value.Length; i++)
        {
            byte next = value[i];
            if (next == (byte)'%')
            {
                if (i + 2 >= value.Length || !char.IsAsciiHexDigit((char)value[i + 1]) || !char.IsAsciiHexDigit((char)value[i + 2]))
                {
                    return false;
                }

                next = (byte)((HexValue(value[i + 1]) << 4) | HexValue(value[i + 2]));
                i += 2;
                if (next is < 0x20 or 0x7F)
                {
                    return false;
                }
            }
            else if (!IsValueByte(next))
            {
                return false;
            }

            decoded[written++] = next;
        }

        if (written > ValueBytesMax || !Utf8.IsValid(decoded[..written]))
        {
            return false;
        }

        text = Encoding.UTF8.GetString(decoded[..written]);
        return true;
    }

    private static int HexValue(byte digit) => digit <= (byte)'9' ? digit - '0' : (digit | 0x20) - 'a' + 10;
}
