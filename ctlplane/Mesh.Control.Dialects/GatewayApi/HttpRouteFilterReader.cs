using System.Collections.Immutable;
using Mesh.Control.Dialects.Traffic;
using Mesh.Control.Model.Inputs;
using Mesh.Control.Model.Traffic;

namespace Mesh.Control.Dialects.GatewayApi;

/// <summary>What the filters of a rule or a backend come to.</summary>
internal sealed record HttpRouteFilters
{
    public HeaderOperations RequestHeaders { get; init; } = HeaderOperations.None;

    public HeaderOperations ResponseHeaders { get; init; } = HeaderOperations.None;

    public RedirectAction? Redirect { get; init; }

    public PathRewrite? Path { get; init; }

    public string? Authority { get; init; }

    public ImmutableArray<MirrorSpec> Mirrors { get; init; } = [];

    public CorsPolicy? Cors { get; init; }
}

/// <summary>Reads HTTPRouteFilter. One that is not supported is an error: a request must not pass without it.</summary>
internal static class HttpRouteFilterReader
{
    /// <summary>Said of a rule that redirects and rewrites.</summary>
    public const string Incompatible = "A rule redirects or rewrites, not both.";

    private const int FiltersMax = 16;
    private const int Found = 302;
    private const int AllParts = 1_000_000;

    private static readonly string[] s_fields =
    [
        "cors", "extensionRef", "externalAuth", "requestHeaderModifier", "requestMirror", "requestRedirect", "responseHeaderModifier",
        "type", "urlRewrite",
    ];

    private static readonly string[] s_modifierFields = ["add", "remove", "set"];
    private static readonly string[] s_headerFields = ["name", "value"];
    private static readonly string[] s_redirectFields = ["hostname", "path", "port", "scheme", "statusCode"];
    private static readonly string[] s_rewriteFields = ["hostname", "path"];
    private static readonly string[] s_pathFields = ["replaceFullPath", "replacePrefixMatch", "type"];
    private static readonly string[] s_mirrorFields = ["backendRef", "fraction", "percent"];
    private static readonly string[] s_fractionFields = ["denominator", "numerator"];

    /// <summary>What an HTTPRoute may have.</summary>
    public static ImmutableArray<string> OfHttp { get; } =
        ["RequestHeaderModifier", "ResponseHeaderModifier", "RequestRedirect", "URLRewrite", "RequestMirror", "CORS"];

    /// <summary>What a GRPCRoute may have.</summary>
    public static ImmutableArray<string> OfGrpc { get; } = ["RequestHeaderModifier", "ResponseHeaderModifier", "RequestMirror"];

    /// <summary>What is known, and why it is not done.</summary>
    private static readonly ImmutableDictionary<string, string> s_alternatives = new Dictionary<string, string>
    {
        ["ExtensionRef"] = "No extension is known here; use the filters that routes have.",
        ["ExternalAuth"] = "Use an AuthorizationPolicy with action CUSTOM.",
    }.ToImmutableDictionary(StringComparer.Ordinal);

    public static HttpRouteFilters Read(FieldReader rule, ImmutableArray<MatchSpec> matches, ImmutableArray<string> allowed)
    {
        var filters = new HttpRouteFilters();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        List<FieldReader> sections = rule.Sections("filters");
        if (sections.Count > FiltersMax)
        {
            rule.Error("filters", $"{sections.Count} filters; {FiltersMax} are allowed.");
        }

        foreach (FieldReader filter in sections)
        {
            filter.RefuseUnknown("A filter", s_fields);
            if (filter.RequiredText("type") is not { } type)
            {
                continue;
            }

            if (!seen.Add(type) && type != "RequestMirror")
            {
                filter.Error("type", $"{type} is there twice.");
            }

            if (!allowed.Contains(type, StringComparer.Ordinal))
            {
                filter.Error("type", $"The filter {type} is not supported.", s_alternatives.GetValueOrDefault(type, string.Empty));
                continue;
            }

            switch (type)
            {
                case "RequestHeaderModifier" when Required(filter, "requestHeaderModifier") is { } modifier:
                    filters = filters with { RequestHeaders = ReadModifier(modifier) };
                    break;
                case "ResponseHeaderModifier" when Required(filter, "responseHeaderModifier") is { } modifier:
                    filters = filters with { ResponseHeaders = ReadModifier(modifier) };
                    break;
                case "RequestRedirect" when Required(filter, "requestRedirect") is { } redirect:
                    filters = filters with { Redirect = ReadRedirect(redirect, matches) };
                    break;
                case "URLRewrite" when Required(filter, "urlRewrite") is { } rewrite:
                    rewrite.RefuseUnknown("urlRewrite", s_rewriteFields);
                    filters = filters with { Path = ReadPath(rewrite, matches), Authority = ReadHostname(rewrite) };
                    break;
                case "RequestMirror" when Required(filter, "requestMirror") is { } mirror:
                    filters = filters with { Mirrors = filters.Mirrors.AddRange(ReadMirror(mirror)) };
                    break;
                case "CORS" when Required(filter, "cors") is { } cors:
                    filters = filters with { Cors = CorsFilterReader.Read(cors) };
                    break;
            }
        }

        if (seen.Contains("RequestRedirect") && seen.Contains("URLRewrite"))
        {
            rule.Error("filters", Incompatible);
        }

        return filters;
    }

    /// <summary>A backend's filters: what is changed of heads, and nothing else.</summary>
    public static HttpRouteFilters ReadOfBackend(FieldReader backend)
    {
        HttpRouteFilters filters = Read(backend, [], OfHttp);
        if (filters.Redirect is not null || filters.Path is not null || filters.Authority is not null || !filters.Mirrors.IsEmpty
            || filters.Cors is not null)
        {
            backend.Error("filters", "Only header modifiers are supported for a backend.", "Write the filter for the rule.");
        }

        return filters;
    }

    private static FieldReader? Required(FieldReader filter, string key)
    {
        FieldReader? section = filter.Section(key);
        if (!filter.Has(key))
        {
            filter.Error(key, "The field is required.");
        }

        return section;
    }

    private static HeaderOperations ReadModifier(FieldReader modifier)
    {
        modifier.RefuseUnknown("A header modifier", s_modifierFields);
        return new HeaderOperations(
            [.. modifier.Texts("remove").Where(item => modifier.CheckChangeable("remove", item.Text)).Select(item => item.Text)],
            ReadHeaders(modifier, "set"),
            ReadHeaders(modifier, "add"));
    }

    private static ImmutableArray<HeaderText> ReadHeaders(FieldReader modifier, string key)
    {
        ImmutableArray<HeaderText>.Builder headers = ImmutableArray.CreateBuilder<HeaderText>();
        foreach (FieldReader header in modifier.Sections(key))
        {
            header.RefuseUnknown("A header", s_headerFields);
            if (header.RequiredText("name") is { } name
                && header.RequiredText("value") is { } value
                && header.CheckChangeable("name", name)
                && header.CheckValue("value", value))
            {
                headers.Add(new HeaderText(name, value));
            }
        }

        return headers.ToImmutable();
    }

    private static RedirectAction ReadRedirect(FieldReader redirect, ImmutableArray<MatchSpec> matches)
    {
        redirect.RefuseUnknown("requestRedirect", s_redirectFields);
        int status = redirect.Integer("statusCode", 301, 308) ?? Found;
        if (status is not (301 or 302 or 303 or 307 or 308))
        {
            redirect.Error("statusCode", $"{status} is not a status of a redirect.", "Write 301, 302, 303, 307 or 308.");
        }

        string? scheme = redirect.Text("scheme");
        if (scheme is not (null or "http" or "https"))
        {
            redirect.Error("scheme", $"'{scheme}' is neither http nor https.");
        }

        int? port = redirect.Integer("port", 1, TrafficFields.PortMax);
        return new RedirectAction(status)
        {
            Scheme = scheme,
            Host = ReadHostname(redirect),
            Path = ReadPath(redirect, matches),
            Port = port,

            // A scheme that is given has its own port; else the listener's stays.
            KeepsPort = port is null && scheme is null,
        };
    }

    private static string? ReadHostname(FieldReader filter)
    {
        string? hostname = filter.Text("hostname");
        if (hostname is not null && !ManifestNames.IsSubdomain(hostname))
        {
            filter.Error("hostname", $"'{hostname}' is not a host name.");
        }

        return hostname;
    }

    private static PathRewrite? ReadPath(FieldReader filter, ImmutableArray<MatchSpec> matches)
    {
        if (filter.Section("path") is not { } path)
        {
            return null;
        }

        path.RefuseUnknown("path", s_pathFields);
        switch (path.RequiredText("type"))
        {
            case "ReplaceFullPath" when path.RequiredText("replaceFullPath") is { } whole && path.CheckValue("replaceFullPath", whole):
                return new PathRewrite(whole, ReplacesMatchedPart: false);
            case "ReplacePrefixMatch" when path.RequiredText("replacePrefixMatch") is { } prefix
                && path.CheckValue("replacePrefixMatch", prefix):
                if (matches.Length != 1 || matches[0].Match.Path?.Kind != PathConditionKind.Segments)
                {
                    path.Error("type", "The rule must have one match, of a PathPrefix.");
                }

                return new PathRewrite(prefix, ReplacesMatchedPart: true);
            case "ReplaceFullPath" or "ReplacePrefixMatch" or null:
                return null;
            case { } type:
                path.Error("type", $"'{type}' is not a way to replace.", "Write ReplaceFullPath or ReplacePrefixMatch.");
                return null;
        }
    }

    private static ImmutableArray<MirrorSpec> ReadMirror(FieldReader mirror)
    {
        const int DenominatorDefault = 100;
        mirror.RefuseUnknown("requestMirror", s_mirrorFields);
        if (mirror.Section("backendRef") is not { } backend)
        {
            mirror.Error("backendRef", "The field is required.");
            return [];
        }

        int parts = AllParts;
        if (mirror.Section("fraction") is { } fraction)
        {
            fraction.RefuseUnknown("fraction", s_fractionFields);
            int denominator = fraction.Integer("denominator", 1, int.MaxValue) ?? DenominatorDefault;
            int numerator = fraction.Integer("numerator", 0, denominator) ?? 0;
            parts = (int)((long)numerator * AllParts / denominator);
            if (mirror.Has("percent"))
            {
                mirror.Error("percent", "A mirror has percent or fraction, not both.");
            }
        }
        else if (mirror.Integer("percent", 0, 100) is { } percent)
        {
            parts = TrafficFields.Parts(percent);
        }

        return [new MirrorSpec(BackendReader.Read(backend, weight: 1, parents: []), parts)];
    }
}
