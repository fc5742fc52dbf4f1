using System.Collections.Immutable;
using System.Text.RegularExpressions;
using Mesh.Node.Model.Policies;
using Mesh.Node.Model.Policies.Requests;
using Mesh.Node.Model.Routing;
using Mesh.Node.Model.Tests.Routing;

namespace Mesh.Node.Model.Tests.Policies.Requests;

/// <summary>The slow, obvious form of what a match asks of a request.</summary>
internal static class RequestOracle
{
    public static bool Holds(RequestConditions conditions, PolicyAction action, TextRequest request, RequestOrigin origin)
    {
        bool isAllow = action == PolicyAction.Allow;
        string path = System.Text.Encoding.UTF8.GetString(((IRequestFacts)request).Path);
        IRequestIdentity? identity = origin.Identity;
        return Field(conditions.Methods, [request.Verb])
            && NotField(conditions.NotMethods, [request.Verb])
            && Field(Lowered(conditions.Hosts), Hosts(request.Host, isWide: !isAllow))
            && NotField(Lowered(conditions.NotHosts), Hosts(request.Host, isWide: isAllow))
            && PathField(conditions.Paths, conditions.PathTemplates, path)
            && (conditions.NotPaths.Length + conditions.NotPathTemplates.Length == 0
                || !PathField(conditions.NotPaths, conditions.NotPathTemplates, path))
            && conditions.Headers.All(header => Pair(header.Values, header.NotValues, Header(request, header.Name)))
            && (conditions.RemoteAddresses.IsEmpty || conditions.RemoteAddresses.Any(block => PolicyOracle.Contains(block, origin.RemoteAddress)))
            && !conditions.NotRemoteAddresses.Any(block => PolicyOracle.Contains(block, origin.RemoteAddress))
            && Pair(conditions.Principals, conditions.NotPrincipals, identity is null ? [] : [identity.Principal])
            && Pair(conditions.Presenters, conditions.NotPresenters, identity?.Presenter is string presenter ? [presenter] : [])
            && Pair(conditions.Audiences, conditions.NotAudiences, identity is null ? [] : identity.Audiences.ToArray())
            && conditions.Claims.All(claim =>
                Pair(claim.Values, claim.NotValues, identity is null ? [] : identity.ValuesOf(claim.Path.AsSpan()).ToArray()));
    }

    private static string[] Header(TextRequest request, string name) => name.ToLowerInvariant() switch
    {
        "host" or ":authority" => request.Host.Length == 0 ? [] : [request.Host],
        ":method" => [request.Verb],
        string lower => request.Fields.TryGetValue(lower, out string? value) ? [value] : [],
    };

    private static string[] Hosts(string authority, bool isWide) =>
        authority.Length == 0 ? []
        : isWide ? [authority.ToLowerInvariant(), Regex.Replace(authority.ToLowerInvariant(), @"(\.)?(:[0-9]*)?$", "")]
        : [authority.ToLowerInvariant()];

    private static ImmutableArray<TextMatch> Lowered(ImmutableArray<TextMatch> matches) =>
        [.. matches.Select(match => match with { Value = match.Value.ToLowerInvariant() })];

    private static bool PathField(ImmutableArray<TextMatch> texts, ImmutableArray<PathTemplate> templates, string path) =>
        (texts.IsEmpty && templates.IsEmpty)
        || texts.Any(text => PolicyOracle.TextMatches(text, path))
        || templates.Any(template => Regex.IsMatch(path, Expression(template.Text)));

    private static string Expression(string template) =>
        $"^{Regex.Escape(template).Replace(@"\{\*\*}", ".*", StringComparison.Ordinal).Replace(@"\{\*}", "[^/]+", StringComparison.Ordinal)}$";

    private static bool Pair(ImmutableArray<TextMatch> values, ImmutableArray<TextMatch> notValues, string[] found) =>
        Field(values, found) && NotField(notValues, found);

    private static bool Field(ImmutableArray<TextMatch> matches, string[] found) =>
        matches.IsEmpty || found.Any(text => matches.Any(match => PolicyOracle.TextMatches(match, text)));

    private static bool NotField(ImmutableArray<TextMatch> matches, string[] found) => matches.IsEmpty || !Field(matches, found);
}
