using System.Text;
using System.Text.RegularExpressions;
using Mesh.Node.Protocols.Hbone;

namespace Mesh.Fuzz.Targets;

/// <summary>Baggage, against splits and regular expressions; what was read is written and read again.</summary>
internal sealed partial class BaggageTarget() : TextTarget(
    "baggage",
    "k8s.cluster.name", "k8s.namespace.name", "k8s.deployment.name", "k8s.cronjob.name", "k8s.job.name", "k8s.pod.name", "service.name",
    "service.version", "cloud.region", "cloud.availability_zone", "other", "=", "=", "=a", "=b", ",", ",", ";", ";p", ";p=q", "%41", "%2C", "%c3%a9",
    "%e2%82%ac", "%ff", "%0a", "%", "%4", "%g1", " ", "\t", "\"", "\\", "\u00e9", "\0", "/", "a", "Z9", "service.name=cart,service.version=v1")
{
    private const int BytesMax = 8_192;
    private const int MembersMax = 64;
    private const int ValueBytesMax = 512;

    protected override string Compare(byte[] input, string text)
    {
        bool parsed = Baggage.TryParse(input, out Baggage? baggage);
        Baggage? expected = Oracle(text);
        FuzzFailure.ThrowUnlessEqual(expected?.ToString() ?? "invalid", baggage?.ToString() ?? "invalid", "Baggage");
        if (!parsed)
        {
            return Invalid;
        }

        byte[] written = new byte[3 * BytesMax];
        if (!baggage!.TryFormat(written, out int bytes))
        {
            throw new FuzzFailure("What was read cannot be written.");
        }

        // Empty values are not written, so they come back as absent.
        Baggage compact = baggage with
        {
            Cluster = NullIfEmpty(baggage.Cluster),
            Namespace = NullIfEmpty(baggage.Namespace),
            WorkloadKind = string.IsNullOrEmpty(baggage.WorkloadName) ? default : baggage.WorkloadKind,
            WorkloadName = NullIfEmpty(baggage.WorkloadName),
            ServiceName = NullIfEmpty(baggage.ServiceName),
            ServiceVersion = NullIfEmpty(baggage.ServiceVersion),
            Region = NullIfEmpty(baggage.Region),
            Zone = NullIfEmpty(baggage.Zone),
        };
        Baggage? again = null;
        if (bytes > 0 && bytes <= BytesMax && !Baggage.TryParse(written.AsSpan(0, bytes), out again))
        {
            throw new FuzzFailure("What was written cannot be read.");
        }

        if (again is not null)
        {
            FuzzFailure.ThrowUnlessEqual(compact.ToString(), again.ToString(), "Written and read again");
        }

        return $"valid, {Known(baggage)} known";
    }

    private static Baggage? Oracle(string text)
    {
        string[] members = text.Split(',');
        if (text.Length > BytesMax || members.Length > MembersMax)
        {
            return null;
        }

        Dictionary<string, string> known = [];
        foreach (string member in members)
        {
            Match match = Member().Match(member);
            if (!match.Success || Decode(match.Groups["value"].Value) is not { } value)
            {
                return null;
            }

            if (match.Groups["propertyValue"].Captures.Any(capture => Decode(capture.Value) is null))
            {
                return null;
            }

            string key = match.Groups["key"].Value;
            string slot = key is "k8s.deployment.name" or "k8s.cronjob.name" or "k8s.job.name" or "k8s.pod.name" ? "workload" : key;
            if (IsAmbient(slot) && !known.TryAdd(slot, value))
            {
                return null;
            }

            if (slot == "workload")
            {
                known.Add("kind", key);
            }
        }

        return new Baggage
        {
            Cluster = known.GetValueOrDefault("k8s.cluster.name"),
            Namespace = known.GetValueOrDefault("k8s.namespace.name"),
            WorkloadName = known.GetValueOrDefault("workload"),
            WorkloadKind = known.GetValueOrDefault("kind") switch
            {
                "k8s.deployment.name" => BaggageWorkloadKind.Deployment,
                "k8s.cronjob.name" => BaggageWorkloadKind.CronJob,
                "k8s.job.name" => BaggageWorkloadKind.Job,
                _ => BaggageWorkloadKind.Pod,
            },
            ServiceName = known.GetValueOrDefault("service.name"),
            ServiceVersion = known.GetValueOrDefault("service.version"),
            Region = known.GetValueOrDefault("cloud.region"),
            Zone = known.GetValueOrDefault("cloud.availability_zone"),
        };
    }

    private static bool IsAmbient(string slot) => slot is "workload" or "k8s.cluster.name" or "k8s.namespace.name" or "service.name"
        or "service.version" or "cloud.region" or "cloud.availability_zone";

    private static string? Decode(string value)
    {
        if (value.Length > 3 * ValueBytesMax)
        {
            return null;
        }

        bool hasControl = false;
        string bytes = Escape().Replace(value, match =>
        {
            char decoded = (char)Convert.ToByte(match.Groups[1].Value, 16);
            hasControl |= decoded is < ' ' or '\x7F';
            return decoded.ToString();
        });
        try
        {
            string text = new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(Encoding.Latin1.GetBytes(bytes));
            return hasControl || bytes.Length > ValueBytesMax ? null : text;
        }
        catch (DecoderFallbackException)
        {
            return null;
        }
    }

    private static string? NullIfEmpty(string? value) => string.IsNullOrEmpty(value) ? null : value;

    private static int Known(Baggage baggage) =>
        new[] { baggage.Cluster, baggage.Namespace, baggage.WorkloadName, baggage.ServiceName, baggage.ServiceVersion, baggage.Region, baggage.Zone }
            .Count(value => value is not null);

    private const string Token = @"[!#$%&'*+\-.^_`|~0-9A-Za-z]+";
    private const string Value = @"([\x21\x23\x24\x26-\x2B\x2D-\x3A\x3C-\x5B\x5D-\x7E]|%[0-9A-Fa-f]{2})*";

    [GeneratedRegex(@"^[ \t]*(?<key>" + Token + @")[ \t]*=[ \t]*(?<value>" + Value + @")[ \t]*"
        + @"(;[ \t]*" + Token + @"[ \t]*(=[ \t]*(?<propertyValue>" + Value + @")[ \t]*)?)*\z")]
    private static partial Regex Member();

    [GeneratedRegex("%([0-9A-Fa-f]{2})")]
    private static partial Regex Escape();
}
