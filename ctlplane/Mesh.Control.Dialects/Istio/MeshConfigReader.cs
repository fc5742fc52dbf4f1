using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Globalization;
using Mesh.Control.Dialects.Traffic;
using Mesh.Control.Model.Canonical;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Dialects.Istio;

/// <summary>
/// Reads the mesh configuration, the ConfigMap <c>istio</c>: of <c>data.mesh</c> the <c>extensionProviders</c> that authorize requests
/// (reference B.7), <c>outboundTrafficPolicy</c> (reference B.4) and
/// <c>defaultHttpRetryPolicy</c> (reference B.1).
/// </summary>
internal static class MeshConfigReader
{
    private const int ContentBytesMax = 1_048_576;
    private const int StatusMin = 400;
    private const int StatusMax = 599;
    private const int StatusDefault = 403;
    private const string Http = "envoyExtAuthzHttp";
    private const string Grpc = "envoyExtAuthzGrpc";

    /// <summary>What Istio waits where nothing is said.</summary>
    private static readonly TimeSpan s_timeoutDefault = TimeSpan.FromSeconds(600);

    /// <summary>What is said in another place, or cannot be chosen.</summary>
    private static readonly FrozenDictionary<string, (string Reason, string Hint)> s_elsewhere =
        new Dictionary<string, (string Reason, string Hint)>
        {
            ["trustDomain"] =
                ("It is not read here: the trust domain is the control plane's own.", "Start mesh-control with --trust-domain."),
            ["trustDomainAliases"] = ("Aliases of the trust domain are not supported: principals are compared as they are written.", ""),
            ["rootNamespace"] = ("It is not read here.", "Start mesh-control with --root-namespace."),
            ["pathNormalization"] = ("Paths have one normal form, which cannot be chosen; the field has no effect.", ""),
        }.ToFrozenDictionary(StringComparer.Ordinal);

    private static readonly string[] s_grpcFields =
        ["clearRouteCache", "failOpen", "includeRequestBodyInCheck", "port", "service", "statusOnError", "timeout"];

    private static readonly string[] s_httpFields =
    [
        .. s_grpcFields, "headersToDownstreamOnAllow", "headersToDownstreamOnDeny", "headersToUpstreamOnAllow",
        "includeAdditionalHeadersInCheck", "includeHeadersInCheck", "includeRequestHeadersInCheck", "pathPrefix",
    ];

    private static readonly string[] s_contentFields = ["allowPartialMessage", "maxRequestBytes", "packAsBytes"];

    /// <returns>Null for a ConfigMap that is another's.</returns>
    public static MeshConfigSpec? Read(RawObject source, ObjectDiagnostics diagnostics)
    {
        if (source.Key.Name != "istio")
        {
            diagnostics.Note("kind", default, "ConfigMap is none of the mesh's business and is not read.");
            return null;
        }

        FieldReader? mesh = new FieldReader(source.Fields, string.Empty, diagnostics).Section("data")?.Section("mesh");
        if (mesh is null)
        {
            return null;
        }

        if (mesh.Entries.Any(entry =>
            entry.Key is not ("defaultHttpRetryPolicy" or "extensionProviders" or "outboundTrafficPolicy")
            && !s_elsewhere.ContainsKey(entry.Key)))
        {
            diagnostics.Note(
                "data.mesh",
                mesh.Position,
                "Of the mesh's configuration only defaultHttpRetryPolicy, extensionProviders and outboundTrafficPolicy are read.");
        }

        foreach (RawEntry entry in mesh.Entries)
        {
            if (s_elsewhere.TryGetValue(entry.Key, out (string Reason, string Hint) said))
            {
                mesh.Warning(entry.Key, said.Reason, said.Hint);
            }
        }

        ImmutableArray<ExtensionProviderSpec>.Builder providers = ImmutableArray.CreateBuilder<ExtensionProviderSpec>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (FieldReader provider in mesh.Sections("extensionProviders"))
        {
            string name = provider.RequiredText("name") ?? string.Empty;
            if (!names.Add(name))
            {
                provider.Error("name", $"There is another provider called '{name}'.");
            }

            if ((provider.Section(Http) ?? provider.Section(Grpc)) is { } section)
            {
                providers.Add(ReadProvider(name, section, isGrpc: !provider.Has(Http)));
            }
            else
            {
                diagnostics.Note(
                    provider.Path, provider.Position, $"Only providers of {Http} and {Grpc} are read; '{name}' has no effect.");
            }
        }

        return new MeshConfigSpec
        {
            DefaultRetries = mesh.Section("defaultHttpRetryPolicy") is { } retries ? RetryReader.ReadSection(retries) : null,
            Namespace = source.Key.Namespace,
            Providers = providers.ToImmutable(),
            IsRegistryOnly = OutboundModeReader.IsRegistryOnly(mesh.Section("outboundTrafficPolicy")) ?? false,
        };
    }

    private static ExtensionProviderSpec ReadProvider(string name, FieldReader section, bool isGrpc)
    {
        section.RefuseUnknown("The provider", isGrpc ? s_grpcFields : s_httpFields);
        string service = section.RequiredText("service") ?? string.Empty;
        int slash = service.IndexOf('/', StringComparison.Ordinal);
        string hostname = service[(slash + 1)..];
        if (service.Length > 0 && !ManifestNames.IsSubdomain(hostname))
        {
            section.Error("service", $"'{service}' names no service.", "Write HOSTNAME or NAMESPACE/HOSTNAME.");
        }

        if (!section.Has("port"))
        {
            section.Error("port", "The field is required.");
        }

        return new ExtensionProviderSpec(name, slash < 0 ? null : service[..slash], hostname, new Authorizer
        {
            Service = default,
            Port = section.Integer("port", 1, TrafficFields.PortMax) ?? 1,
            IsGrpc = isGrpc,
            Timeout = section.Duration("timeout") ?? s_timeoutDefault,
            FailsOpen = section.Flag("failOpen") ?? false,
            StatusOnFailure = ReadStatus(section),
            PathPrefix = ReadPathPrefix(section),
            RequestFields =
                [.. ReadNames(section, "includeRequestHeadersInCheck"), .. ReadNames(section, "includeHeadersInCheck")],
            AddedFields = ReadAdded(section),
            UpstreamFields = ReadNames(section, "headersToUpstreamOnAllow"),
            AllowedAnswerFields = ReadNames(section, "headersToDownstreamOnAllow"),
            DeniedAnswerFields = ReadNames(section, "headersToDownstreamOnDeny"),
            Content = ReadContent(section),
        });
    }

    /// <summary>Istio has it as a text.</summary>
    private static int ReadStatus(FieldReader section)
    {
        if (section.Text("statusOnError") is not { } text)
        {
            return StatusDefault;
        }

        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int status) && status is >= StatusMin and <= StatusMax)
        {
            return status;
        }

        section.Error("statusOnError", $"'{text}' is no status of an error.", $"Write a number from {StatusMin} to {StatusMax} in quotes.");
        return StatusDefault;
    }

    private static string ReadPathPrefix(FieldReader section)
    {
        string prefix = section.Text("pathPrefix") ?? string.Empty;
        if (prefix.Length == 0)
        {
            return string.Empty;
        }

        if (prefix[0] == '/' && !prefix.AsSpan().ContainsAnyExceptInRange('!', '~') && !prefix.AsSpan().ContainsAny('?', '#'))
        {
            return prefix == "/" ? string.Empty : prefix;
        }

        section.Error("pathPrefix", $"'{prefix}' is not the beginning of a path.", "Begin it with a slash.");
        return string.Empty;
    }

    private static ImmutableArray<TextMatch> ReadNames(FieldReader section, string key)
    {
        ImmutableArray<TextMatch>.Builder names = ImmutableArray.CreateBuilder<TextMatch>();
        foreach (TextItem item in section.Texts(key))
        {
            string name = item.Text.ToLowerInvariant();
            TextMatch match = name == "*" ? TextMatch.AnyValue
                : name.EndsWith('*') ? new TextMatch(TextMatchKind.Prefix, name[..^1])
                : name.StartsWith('*') ? new TextMatch(TextMatchKind.Suffix, name[1..])
                : new TextMatch(TextMatchKind.Exact, name);
            if (match.Kind != TextMatchKind.Presence && !TrafficFields.IsHeaderName(match.Text.Replace("*", " ", StringComparison.Ordinal)))
            {
                section.Diagnostics.Error(item.Path, item.Position, $"'{item.Text}' names no header.", "Write NAME, PREFIX* or *SUFFIX.");
                continue;
            }

            names.Add(match);
        }

        return names.ToImmutable();
    }

    private static ImmutableArray<KeyValuePair<string, string>> ReadAdded(FieldReader section)
    {
        if (section.Section("includeAdditionalHeadersInCheck") is not { } headers)
        {
            return [];
        }

        var added = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (RawEntry entry in headers.Entries)
        {
            if (headers.Text(entry.Key) is { } value
                && headers.CheckChangeable(entry.Key, entry.Key)
                && headers.CheckValue(entry.Key, value))
            {
                added[entry.Key.ToLowerInvariant()] = value;
            }
        }

        return [.. added];
    }

    private static CheckedContent? ReadContent(FieldReader section)
    {
        if (section.Section("includeRequestBodyInCheck") is not { } content)
        {
            return null;
        }

        content.RefuseUnknown("includeRequestBodyInCheck", s_contentFields);
        if (!content.Has("maxRequestBytes"))
        {
            content.Error("maxRequestBytes", "The field is required.");
        }

        return new CheckedContent(
            content.Integer("maxRequestBytes", 1, ContentBytesMax) ?? 1,
            content.Flag("allowPartialMessage") ?? false,
            content.Flag("packAsBytes") ?? false);
    }
}
