using System.Collections.Immutable;
using Mesh.Control.Dialects.Traffic;
using Mesh.Control.Model.Inputs;
using Mesh.Control.Model.Traffic;

namespace Mesh.Control.Dialects.Istio;

/// <summary>Reads CorsPolicy.</summary>
internal static class CorsReader
{
    private static readonly string[] s_fields =
    [
        "allowCredentials", "allowHeaders", "allowMethods", "allowOrigin", "allowOrigins", "exposeHeaders", "maxAge", "unmatchedPreflights",
    ];

    private static readonly string[] s_methods =
        ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE", "*"];

    public static CorsPolicy? Read(FieldReader rule)
    {
        if (rule.Section("corsPolicy") is not { } cors)
        {
            return null;
        }

        cors.RefuseUnknown("corsPolicy", s_fields);
        TimeSpan? maxAge = cors.Duration("maxAge", isZeroAllowed: true);
        if (maxAge is { } age && age.Ticks % TimeSpan.TicksPerSecond != 0)
        {
            cors.Error("maxAge", "It is counted in whole seconds.");
        }

        string? preflights = cors.Text("unmatchedPreflights");
        if (preflights is not (null or "UNSPECIFIED" or "FORWARD" or "IGNORE"))
        {
            cors.Error("unmatchedPreflights", $"'{preflights}' says nothing.", "Write FORWARD or IGNORE.");
        }

        return new CorsPolicy
        {
            AllowOrigins = ReadOrigins(cors),
            AllowMethods = ReadMethods(cors),
            AllowHeaders = ReadNames(cors, "allowHeaders"),
            ExposeHeaders = ReadNames(cors, "exposeHeaders"),
            MaxAge = maxAge,
            AllowsCredentials = cors.Flag("allowCredentials") ?? false,
            EndsUnmatchedPreflights = preflights == "IGNORE",
        };
    }

    private static ImmutableArray<TextCondition> ReadOrigins(FieldReader cors)
    {
        ImmutableArray<TextCondition>.Builder origins = ImmutableArray.CreateBuilder<TextCondition>();
        foreach (FieldReader origin in cors.Sections("allowOrigins"))
        {
            if (TextConditionReader.Read(origin) is { } condition)
            {
                origins.Add(condition);
            }
        }

        if (cors.Has("allowOrigin"))
        {
            cors.Warning("allowOrigin", "The field is deprecated.", "Use allowOrigins.");
            origins.AddRange(cors.Texts("allowOrigin").Select(
                item => item.Text == "*" ? TextCondition.Present : TrafficFields.Exact(item.Text)));
        }

        return origins.ToImmutable();
    }

    private static ImmutableArray<string> ReadMethods(FieldReader cors)
    {
        List<TextItem> methods = cors.Texts("allowMethods");
        foreach (TextItem method in methods)
        {
            if (!s_methods.Contains(method.Text, StringComparer.Ordinal))
            {
                cors.Diagnostics.Error(method.Path, method.Position, $"'{method.Text}' is not a method.");
            }
        }

        return [.. methods.Select(method => method.Text)];
    }

    private static ImmutableArray<string> ReadNames(FieldReader cors, string key)
    {
        List<TextItem> names = cors.Texts(key);
        foreach (TextItem name in names)
        {
            if (!TrafficFields.IsHeaderName(name.Text))
            {
                cors.Diagnostics.Error(name.Path, name.Position, $"'{name.Text}' is not the name of a header.");
            }
        }

        return [.. names.Select(name => name.Text)];
    }
}
