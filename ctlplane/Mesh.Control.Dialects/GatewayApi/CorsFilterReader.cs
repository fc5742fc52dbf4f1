using System.Collections.Immutable;
using System.Text.RegularExpressions;
using Mesh.Control.Dialects.Traffic;
using Mesh.Control.Model.Inputs;
using Mesh.Control.Model.Traffic;

namespace Mesh.Control.Dialects.GatewayApi;

/// <summary>Reads HTTPCORSFilter.</summary>
internal static class CorsFilterReader
{
    /// <summary>What holds where nothing is said.</summary>
    private const int MaxAgeSecondsDefault = 5;

    private static readonly string[] s_fields =
        ["allowCredentials", "allowHeaders", "allowMethods", "allowOrigins", "exposeHeaders", "maxAge"];

    private static readonly string[] s_methods =
        ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE", "*"];

    /// <summary>A preflight of an origin that is not allowed ends at the proxy.</summary>
    public static CorsPolicy Read(FieldReader cors)
    {
        cors.RefuseUnknown("cors", s_fields);
        return new CorsPolicy
        {
            AllowOrigins = ReadOrigins(cors),
            AllowMethods = ReadTexts(cors, "allowMethods", "a method", text => s_methods.Contains(text, StringComparer.Ordinal)),
            AllowHeaders = ReadTexts(cors, "allowHeaders", "the name of a header", TrafficFields.IsHeaderName),
            ExposeHeaders = ReadTexts(cors, "exposeHeaders", "the name of a header", TrafficFields.IsHeaderName),
            MaxAge = TimeSpan.FromSeconds(cors.Integer("maxAge", 1, int.MaxValue) ?? MaxAgeSecondsDefault),
            AllowsCredentials = cors.Flag("allowCredentials") ?? false,
            EndsUnmatchedPreflights = true,
        };
    }

    private static ImmutableArray<TextCondition> ReadOrigins(FieldReader cors)
    {
        ImmutableArray<TextCondition>.Builder origins = ImmutableArray.CreateBuilder<TextCondition>();
        foreach (TextItem origin in cors.Texts("allowOrigins"))
        {
            int star = origin.Text.IndexOf('*', StringComparison.Ordinal);
            if (origin.Text == "*" || star < 0)
            {
                origins.Add(TrafficFields.Exact(origin.Text));
            }
            else if (origin.Text.LastIndexOf('*') == star && origin.Text[..star].EndsWith("://", StringComparison.Ordinal))
            {
                // It stands for the labels to its left, one or more.
                string rest = Regex.Escape(origin.Text[(star + 1)..]);
                origins.Add(new TextCondition(TextConditionKind.Pattern, $"{Regex.Escape(origin.Text[..star])}[^/:]+{rest}"));
            }
            else
            {
                cors.Diagnostics.Error(
                    origin.Path, origin.Position, $"'{origin.Text}' is not an origin.", "Write '*' alone or in place of the first labels.");
            }
        }

        return origins.ToImmutable();
    }

    private static ImmutableArray<string> ReadTexts(FieldReader cors, string key, string what, Func<string, bool> isGood)
    {
        List<TextItem> items = cors.Texts(key);
        foreach (TextItem item in items.Where(item => !isGood(item.Text)))
        {
            cors.Diagnostics.Error(item.Path, item.Position, $"'{item.Text}' is not {what}.");
        }

        return [.. items.Select(item => item.Text)];
    }
}
