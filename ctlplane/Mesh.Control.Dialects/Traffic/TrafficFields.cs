using System.Buffers;
using System.Collections.Immutable;
using System.Globalization;
using Mesh.Api.Patterns;
using Mesh.Control.Model.Inputs;
using Mesh.Control.Model.Traffic;

namespace Mesh.Control.Dialects.Traffic;

/// <summary>What fields about requests have in common, whichever dialect they are of.</summary>
internal static class TrafficFields
{
    public const int PortMax = 65_535;
    private const int PartsPerPercent = 10_000;
    private const int PercentMax = 100;
    private const int HeaderNameCharsMax = 256;

    private static readonly TimeSpan s_longest = TimeSpan.FromDays(40);
    private static readonly string[] s_percentageFields = ["value"];

    private static readonly SearchValues<char> s_tokenCharacters =
        SearchValues.Create("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

    private static readonly SearchValues<char> s_numberCharacters = SearchValues.Create("0123456789.");

    /// <summary>They frame messages or belong to one connection, so they are never a route's to change.</summary>
    private static readonly ImmutableArray<string> s_framing =
        ["connection", "content-length", "host", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"];

    /// <summary>Fields that are not known here are errors: left out, they would change what the rest means.</summary>
    public static void RefuseUnknown(this FieldReader reader, string what, ReadOnlySpan<string> known)
    {
        foreach (string key in reader.UnknownKeys(known))
        {
            reader.Error(key, $"{what} has no such field.", "Check the spelling.");
        }
    }

    /// <summary>A time as Go and Kubernetes write it: <c>1h30m</c>, <c>1.5s</c>, <c>250ms</c>.</summary>
    public static TimeSpan? Duration(this FieldReader reader, string key, bool isZeroAllowed = false)
    {
        if (reader.Text(key) is not { } text)
        {
            return null;
        }

        if (!TryParseDuration(text, out TimeSpan time) || time > s_longest)
        {
            reader.Error(key, $"'{text}' is not a time.", "Write such as 10s or 250ms.");
            return null;
        }

        if (time < TimeSpan.FromMilliseconds(1) && !(isZeroAllowed && time == TimeSpan.Zero))
        {
            reader.Error(key, $"'{text}' is less than a millisecond.");
            return null;
        }

        return time;
    }

    /// <summary>A percentage <c>{value: 0.1}</c> in millionths; null where there is none.</summary>
    public static int? PartsPerMillion(this FieldReader reader, string key)
    {
        if (reader.Section(key) is not { } section)
        {
            return null;
        }

        section.RefuseUnknown("A percentage", s_percentageFields);
        return Parts(section.Number("value", 0, PercentMax) ?? 0);
    }

    public static int Parts(double percent) => (int)Math.Round(percent * PartsPerPercent);

    public static bool IsHeaderName(string name) =>
        name.Length is > 0 and <= HeaderNameCharsMax && !name.AsSpan().ContainsAnyExcept(s_tokenCharacters);

    /// <summary>Whether a route may change the header; what is wrong is reported.</summary>
    public static bool CheckChangeable(this FieldReader reader, string key, string name)
    {
        if (!IsHeaderName(name))
        {
            reader.Error(key, $"'{name}' is not the name of a header.");
            return false;
        }

        if (s_framing.Contains(name.ToLowerInvariant()))
        {
            reader.Error(key, $"A route cannot change the header {name}.");
            return false;
        }

        return true;
    }

    /// <summary>Whether a text may stand in a message as it is; what is wrong is reported.</summary>
    public static bool CheckValue(this FieldReader reader, string key, string value)
    {
        if (value.AsSpan().ContainsAnyInRange('\0', '\x1f') || value.Contains('\x7f') || value.AsSpan().Trim(' ').Length != value.Length)
        {
            reader.Error(key, "The value has control characters, or spaces around it.");
            return false;
        }

        return true;
    }

    public static bool CheckPattern(this FieldReader reader, string key, string expression)
    {
        if (PatternSyntax.TryCompile(expression, out _, out string? problem))
        {
            return true;
        }

        reader.Error(key, $"'{expression}': {problem}.");
        return false;
    }

    public static TextCondition Exact(string text) => new(TextConditionKind.Exact, text);

    private static bool TryParseDuration(ReadOnlySpan<char> text, out TimeSpan time)
    {
        time = TimeSpan.Zero;
        if (text is "0")
        {
            return true;
        }

        bool any = false;
        while (!text.IsEmpty)
        {
            int digits = text.IndexOfAnyExcept(s_numberCharacters);
            if (digits <= 0
                || !decimal.TryParse(text[..digits], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out decimal number)
                || number > int.MaxValue)
            {
                return false;
            }

            text = text[digits..];
            int letters = text.IndexOfAnyInRange('0', '9');
            ReadOnlySpan<char> unit = letters < 0 ? text : text[..letters];
            long ticks = unit switch
            {
                "h" => TimeSpan.TicksPerHour,
                "m" => TimeSpan.TicksPerMinute,
                "s" => TimeSpan.TicksPerSecond,
                "ms" => TimeSpan.TicksPerMillisecond,
                "us" => TimeSpan.TicksPerMicrosecond,
                _ => 0,
            };
            if (ticks == 0 || number * ticks > s_longest.Ticks)
            {
                return false;
            }

            time += TimeSpan.FromTicks((long)(number * ticks));
            text = text[unit.Length..];
            any = true;
        }

        return any;
    }
}
