using System.Collections.Immutable;
using Mesh.Control.Dialects.Traffic;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;
using Mesh.Control.Model.Traffic;

namespace Mesh.Control.Dialects.GatewayApi;

/// <summary>Reads HTTPRoute: the rules of it.</summary>
internal static class HttpRouteReader
{
    /// <summary>Of a rule that leads nowhere.</summary>
    private const int InternalServerError = 500;

    private const int MatchesMax = 64;

    private static readonly string[] s_ruleFields =
        ["backendRefs", "filters", "matches", "name", "retry", "sessionPersistence", "timeouts"];
    private static readonly string[] s_timeoutFields = ["backendRequest", "request"];

    /// <returns>Null when it is attached to no Service.</returns>
    public static ServiceRouteSpec? Read(RawObject source, ObjectDiagnostics diagnostics) => ServiceRouteReader.Read(
        source,
        ServiceRouteKind.Http,
        diagnostics,
        ReadRule,
        name => new RuleSpec
        {
            Name = name,
            Matches = [new MatchSpec(HttpRouteMatchReader.Everything)],
            Action = new DirectResponseAction(InternalServerError, []),
        });

    /// <summary>Warns of what belongs to gateways' routes and is not done here.</summary>
    public static void CheckPersistence(FieldReader rule)
    {
        if (rule.Has("sessionPersistence"))
        {
            rule.Warning(
                "sessionPersistence",
                "Sessions are not kept by routes; the field has no effect.",
                "Use consistentHash with httpCookie in a DestinationRule.");
        }
    }

    private static RuleSpec ReadRule(FieldReader rule, string name, ImmutableArray<ServiceParent> parents)
    {
        rule.RefuseUnknown("A rule", s_ruleFields);
        CheckPersistence(rule);
        List<FieldReader> sections = rule.Sections("matches");
        if (sections.Count > MatchesMax)
        {
            rule.Error("matches", $"{sections.Count} matches; {MatchesMax} are allowed.");
        }

        ImmutableArray<MatchSpec> matches = sections.Count == 0
            ? [new MatchSpec(HttpRouteMatchReader.Everything)]
            : [.. sections.Select(HttpRouteMatchReader.Read)];
        HttpRouteFilters filters = HttpRouteFilterReader.Read(rule, matches, HttpRouteFilterReader.OfHttp);
        ImmutableArray<DestinationSpec> destinations = BackendReader.ReadAll(rule, parents);
        return new RuleSpec
        {
            Name = name,
            Matches = matches,
            Action = ReadAction(rule, filters, destinations),
            Destinations = destinations,
            Mirrors = filters.Mirrors,
            RequestHeaders = filters.RequestHeaders,
            ResponseHeaders = filters.ResponseHeaders,
            Cors = filters.Cors,
        };
    }

    private static RouteAction ReadAction(FieldReader rule, HttpRouteFilters filters, ImmutableArray<DestinationSpec> destinations)
    {
        if (filters.Redirect is { } redirect)
        {
            if (!destinations.IsEmpty)
            {
                rule.Error("backendRefs", "A rule that redirects has no backends.");
            }

            return redirect;
        }

        TimeSpan? request = null;
        TimeSpan? attempt = null;
        if (rule.Section("timeouts") is { } timeouts)
        {
            timeouts.RefuseUnknown("timeouts", s_timeoutFields);
            request = NonZero(timeouts.Duration("request", isZeroAllowed: true));
            attempt = NonZero(timeouts.Duration("backendRequest", isZeroAllowed: true));
            if (request is { } whole && attempt > whole)
            {
                timeouts.Error("backendRequest", "An attempt may take no longer than the request.");
            }
        }

        RetryPolicy retries = RouteRetryReader.Read(rule);
        return ForwardOf(destinations) is not ForwardAction forward ? ForwardOf(destinations) : forward with
        {
            Rewrite = filters.Path,
            Authority = filters.Authority,
            Timeout = request,
            Retries = attempt is null ? retries : retries with { AttemptTimeout = attempt },
        };
    }

    /// <summary>What forwards to destinations; of nothing there is no share to send anywhere.</summary>
    private static RouteAction ForwardOf(ImmutableArray<DestinationSpec> destinations) =>
        destinations.All(destination => destination.Weight == 0)
            ? new DirectResponseAction(InternalServerError, [])
            : new ForwardAction([]);

    private static TimeSpan? NonZero(TimeSpan? time) => time is { } there && there > TimeSpan.Zero ? time : null;
}
