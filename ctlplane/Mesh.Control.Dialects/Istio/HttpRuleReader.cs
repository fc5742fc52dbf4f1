using System.Collections.Immutable;
using Mesh.Control.Dialects.Traffic;
using Mesh.Control.Model.Inputs;
using Mesh.Control.Model.Traffic;

namespace Mesh.Control.Dialects.Istio;

/// <summary>Reads HTTPRoute of a VirtualService: one rule.</summary>
internal static class HttpRuleReader
{
    private static readonly string[] s_fields =
    [
        "corsPolicy", "delegate", "directResponse", "fault", "headers", "match", "mirror", "mirrorPercent", "mirrorPercentage", "mirrors",
        "name", "redirect", "retries", "rewrite", "route", "timeout",
    ];

    private static readonly string[] s_routeFields = ["destination", "headers", "weight"];
    private static readonly string[] s_destinationFields = ["host", "port", "subset"];
    private static readonly string[] s_portFields = ["number"];
    private static readonly string[] s_mirrorFields = ["destination", "percentage"];
    private static readonly string[] s_delegateFields = ["name", "namespace"];

    /// <returns>Null when no client of the mesh can get it, or when what it says is broken, which has been reported.</returns>
    public static RuleSpec? Read(FieldReader rule, string owner, int index)
    {
        rule.RefuseUnknown("A route", s_fields);
        List<FieldReader> sections = rule.Sections("match");
        List<MatchSpec> matches = [.. sections.Select(RouteMatchReader.Read).OfType<MatchSpec>()];
        (HeaderOperations request, HeaderOperations response) = HeaderOperationsReader.Read(rule, out string? authority);
        RouteAction? action = ReadAction(rule, authority, matches);
        if (action is null || (sections.Count > 0 && matches.Count == 0))
        {
            return null;
        }

        string name = rule.Text("name") is { Length: > 0 } own ? own : $"http[{index}]";
        return new RuleSpec
        {
            Name = $"{owner} {name}",
            Field = rule.Path,
            Delegate = ReadDelegate(rule),
            Matches = [.. matches],
            Action = action,
            Destinations = action is ForwardAction && !rule.Has("delegate") ? ReadDestinations(rule, authority is not null) : [],
            Mirrors = action is ForwardAction ? ReadMirrors(rule) : [],
            RequestHeaders = request,
            ResponseHeaders = response,
            Cors = CorsReader.Read(rule),
        };
    }

    private static RouteAction? ReadAction(FieldReader rule, string? authority, List<MatchSpec> matches)
    {
        string[] actions = [.. ((string[])["route", "redirect", "directResponse"]).Where(rule.Has)];
        if (rule.Has("delegate"))
        {
            foreach (string other in actions)
            {
                rule.Error(other, $"{other} does not go with delegate.");
            }

            return ReadForward(rule, authority);
        }

        if (actions.Length != 1)
        {
            rule.Error(
                actions.Length == 0 ? "route" : actions[1],
                actions.Length == 0
                    ? "A route needs a destination, a redirect or a response."
                    : $"{actions[0]} and {actions[1]} cannot both become of a request.");
            return null;
        }

        if (actions[0] != "route")
        {
            foreach (string other in (string[])["fault", "rewrite"])
            {
                if (rule.Has(other))
                {
                    rule.Error(other, $"{other} does not go with {actions[0]}.");
                }
            }

            foreach (string other in (string[])["mirror", "mirrors", "timeout", "retries"])
            {
                if (rule.Has(other))
                {
                    rule.Warning(other, $"With {actions[0]} no request is sent on; the field has no effect.");
                }
            }

            return actions[0] == "redirect" ? AnswerReader.ReadRedirect(rule, matches) : AnswerReader.ReadDirectResponse(rule);
        }

        return ReadForward(rule, authority);
    }

    private static DelegateSpec? ReadDelegate(FieldReader rule)
    {
        if (rule.Section("delegate") is not { } section)
        {
            return null;
        }

        section.RefuseUnknown("delegate", s_delegateFields);
        string @namespace = section.Text("namespace") is { Length: > 0 } own ? own : section.Diagnostics.Source.Key.Namespace;
        return section.RequiredText("name") is { } name ? new DelegateSpec(@namespace, name, section.Path) : null;
    }

    private static ForwardAction ReadForward(FieldReader rule, string? authority)
    {
        (PathRewrite? rewrite, string? rewritten) = RewriteReader.Read(rule);
        if (authority is not null && rewritten is not null)
        {
            rule.Error("rewrite.authority", "The authority is set twice.");
        }

        FaultPolicy? fault = FaultReader.Read(rule);
        TimeSpan? timeout = rule.Duration("timeout", isZeroAllowed: true) is { } time && time > TimeSpan.Zero ? time : null;
        RetryPolicy retries = RetryReader.Read(rule);
        if (fault is not null && (rule.Has("timeout") || rule.Has("retries")))
        {
            rule.Warning("fault", "With a fault, the timeout and the retries of the route do not apply.");
        }

        return new ForwardAction([])
        {
            Rewrite = rewrite,
            Authority = rewritten ?? authority,
            Timeout = fault is null ? timeout : null,
            Retries = fault is null ? retries : RetryPolicy.Never,
            Fault = fault,
        };
    }

    /// <param name="rule">The rule.</param>
    /// <param name="hasAuthority">Whether the rule's headers set the authority already.</param>
    private static ImmutableArray<DestinationSpec> ReadDestinations(FieldReader rule, bool hasAuthority)
    {
        ImmutableArray<DestinationSpec>.Builder destinations = ImmutableArray.CreateBuilder<DestinationSpec>();
        List<FieldReader> routes = rule.Sections("route");
        foreach (FieldReader route in routes)
        {
            route.RefuseUnknown("A destination", s_routeFields);
            uint weight = (uint)(route.Integer("weight", 0, int.MaxValue) ?? 0);
            (HeaderOperations request, HeaderOperations response) = HeaderOperationsReader.Read(route, out string? authority);
            if (authority is not null && (hasAuthority || rule.Section("rewrite")?.Has("authority") == true))
            {
                route.Error("headers.request.set", "The authority is set twice.");
            }

            if (ReadDestination(route, "destination", routes.Count == 1 ? 1 : weight) is { } destination)
            {
                destinations.Add(destination with { Authority = authority, RequestHeaders = request, ResponseHeaders = response });
            }
        }

        if (routes.Count == 0)
        {
            rule.Error("route", "There is no destination.");
        }
        else if (destinations.Count == routes.Count && destinations.All(destination => destination.Weight == 0))
        {
            rule.Error("route", "All weights are 0, so no request goes anywhere.");
        }

        return destinations.ToImmutable();
    }

    internal static DestinationSpec? ReadDestination(FieldReader parent, string key, uint weight)
    {
        if (parent.Section(key) is not { } destination)
        {
            parent.Error(key, "The field is required.");
            return null;
        }

        destination.RefuseUnknown("A destination", s_destinationFields);
        string? host = destination.RequiredText("host");
        if (host is not null && !ManifestNames.IsSubdomain(host))
        {
            destination.Error("host", $"'{host}' is not a host name.");
        }

        string subset = destination.Text("subset") ?? string.Empty;
        if (subset.Length > 0 && !ManifestNames.IsSubdomain(subset))
        {
            destination.Error("subset", $"'{subset}' is not the name of a subset.");
        }

        int? port = null;
        if (destination.Section("port") is { } section)
        {
            section.RefuseUnknown("port", s_portFields);
            port = section.Integer("number", 1, TrafficFields.PortMax);
        }

        return host is null ? null : new DestinationSpec(host, Namespace: null, subset, port, weight, destination.Path);
    }

    private static ImmutableArray<MirrorSpec> ReadMirrors(FieldReader rule)
    {
        const int All = 1_000_000;
        ImmutableArray<MirrorSpec>.Builder mirrors = ImmutableArray.CreateBuilder<MirrorSpec>();
        if (rule.Has("mirror") && rule.Has("mirrors"))
        {
            rule.Error("mirrors", "A route has mirror or mirrors, not both.");
        }

        int? share = rule.PartsPerMillion("mirrorPercentage");
        if (rule.Has("mirrorPercent"))
        {
            rule.Warning("mirrorPercent", "The field is deprecated.", "Use mirrorPercentage.");
            share ??= TrafficFields.Parts(rule.Integer("mirrorPercent", 0, 100) ?? 0);
        }

        if (rule.Has("mirror") && ReadDestination(rule, "mirror", 1) is { } mirror)
        {
            mirrors.Add(new MirrorSpec(mirror, share ?? All));
        }

        foreach (FieldReader item in rule.Sections("mirrors"))
        {
            item.RefuseUnknown("A mirror", s_mirrorFields);
            if (ReadDestination(item, "destination", 1) is { } destination)
            {
                mirrors.Add(new MirrorSpec(destination, item.PartsPerMillion("percentage") ?? All));
            }
        }

        return mirrors.ToImmutable();
    }
}
