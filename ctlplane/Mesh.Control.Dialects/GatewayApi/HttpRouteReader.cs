using System.Collections.Immutable;
using Mesh.Control.Dialects.Istio;
using Mesh.Control.Dialects.Traffic;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;
using Mesh.Control.Model.Traffic;

namespace Mesh.Control.Dialects.GatewayApi;

/// <summary>Reads HTTPRoute (gateway.networking.k8s.io) where it is attached to Services.</summary>
internal static class HttpRouteReader
{
    private const int InternalServerError = 500;

    private static readonly string[] s_specFields = ["hostnames", "parentRefs", "rules"];
    private static readonly string[] s_parentFields = ["group", "kind", "name", "namespace", "port", "sectionName"];
    private static readonly string[] s_ruleFields = ["backendRefs", "filters", "matches", "name", "timeouts"];
    private static readonly string[] s_timeoutFields = ["backendRequest", "request"];
    private static readonly string[] s_backendFields = ["filters", "group", "kind", "name", "namespace", "port", "weight"];

    /// <returns>Null when it is attached to no Service.</returns>
    public static HttpRouteSpec? Read(RawObject source, ObjectDiagnostics diagnostics)
    {
        var root = new FieldReader(source.Fields, string.Empty, diagnostics);
        if (root.Section("spec") is not { } spec)
        {
            root.Error("spec", "An HTTPRoute needs a spec.");
            return null;
        }

        spec.RefuseUnknown("HTTPRoute", s_specFields);
        ImmutableArray<ServiceParent> parents = ReadParents(spec, source.Key.Namespace);
        if (parents.IsEmpty && !diagnostics.HasErrors)
        {
            return null;
        }

        if (spec.Has("hostnames"))
        {
            spec.Warning("hostnames", "A route of a Service is for whatever is sent to it; the host names have no effect.");
        }

        string owner = $"{source.Key.Namespace}/{source.Key.Name}";
        List<FieldReader> sections = spec.Sections("rules");
        ImmutableArray<RuleSpec>.Builder rules = ImmutableArray.CreateBuilder<RuleSpec>();
        for (int index = 0; index < sections.Count; index++)
        {
            rules.Add(ReadRule(sections[index], owner, index, parents));
        }

        return new HttpRouteSpec
        {
            Source = source,
            Namespace = source.Key.Namespace,
            Name = source.Key.Name,
            CreatedAt = CreationTime.Read(root),
            Parents = parents,
            Rules = rules.ToImmutable(),
        };
    }

    private static ImmutableArray<ServiceParent> ReadParents(FieldReader spec, string @namespace)
    {
        ImmutableArray<ServiceParent>.Builder parents = ImmutableArray.CreateBuilder<ServiceParent>();
        foreach (FieldReader parent in spec.Sections("parentRefs"))
        {
            parent.RefuseUnknown("A parent", s_parentFields);
            string kind = parent.Text("kind") ?? "Gateway";
            string group = parent.Text("group") ?? "gateway.networking.k8s.io";
            if (kind != "Service" || group.Length > 0)
            {
                parent.Warning(
                    "kind",
                    $"Routes of a {kind} are not supported; the route has no effect there.",
                    "Attach it to a Service, of group \"\".");
                continue;
            }

            if (parent.Has("sectionName"))
            {
                parent.Error("sectionName", "A port by its name is not supported.", "Use port.");
            }

            if (parent.RequiredText("name") is { } name)
            {
                parents.Add(new ServiceParent(
                    parent.Text("namespace") ?? @namespace, name, parent.Integer("port", 1, TrafficFields.PortMax), parent.Path));
            }
        }

        return parents.ToImmutable();
    }

    private static RuleSpec ReadRule(FieldReader rule, string owner, int index, ImmutableArray<ServiceParent> parents)
    {
        rule.RefuseUnknown("A rule", s_ruleFields);
        List<FieldReader> sections = rule.Sections("matches");
        ImmutableArray<MatchSpec> matches = sections.Count == 0
            ? [new MatchSpec(HttpRouteMatchReader.Everything)]
            : [.. sections.Select(section => new MatchSpec(HttpRouteMatchReader.Read(section)))];
        HttpRouteFilters filters = HttpRouteFilterReader.Read(rule, matches);
        string name = rule.Text("name") is { Length: > 0 } own ? own : $"rules[{index}]";
        ImmutableArray<DestinationSpec> destinations = ReadBackends(rule, parents);
        return new RuleSpec
        {
            Name = $"{owner} {name}",
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

        // Of nothing there is no share to send anywhere.
        return destinations.All(destination => destination.Weight == 0)
            ? new DirectResponseAction(InternalServerError, [])
            : new ForwardAction([])
            {
                Rewrite = filters.Path,
                Authority = filters.Authority,
                Timeout = request,
                Retries = RetryPolicy.Default with { AttemptTimeout = attempt },
            };
    }

    private static TimeSpan? NonZero(TimeSpan? time) => time is { } there && there > TimeSpan.Zero ? time : null;

    private static ImmutableArray<DestinationSpec> ReadBackends(FieldReader rule, ImmutableArray<ServiceParent> parents)
    {
        ImmutableArray<DestinationSpec>.Builder destinations = ImmutableArray.CreateBuilder<DestinationSpec>();
        foreach (FieldReader backend in rule.Sections("backendRefs"))
        {
            uint weight = (uint)(backend.Integer("weight", 0, 1_000_000) ?? 1);
            HttpRouteFilters filters = HttpRouteFilterReader.ReadOfBackend(backend);
            destinations.Add(ReadBackend(backend, weight, parents) with
            {
                RequestHeaders = filters.RequestHeaders,
                ResponseHeaders = filters.ResponseHeaders,
            });
        }

        return destinations.ToImmutable();
    }

    /// <summary>A backend, in a rule or a filter. One that cannot be gets its share of the requests, which then fail.</summary>
    /// <param name="backend">The backend.</param>
    /// <param name="weight">Its weight.</param>
    /// <param name="parents">Services requests go to without any route, so that leading them there needs no leave.</param>
    public static DestinationSpec ReadBackend(FieldReader backend, uint weight, ImmutableArray<ServiceParent> parents)
    {
        backend.RefuseUnknown("A backend", s_backendFields);
        string own = backend.Diagnostics.Source.Key.Namespace;
        string @namespace = backend.Text("namespace") ?? own;
        string? name = backend.RequiredText("name");
        int? port = backend.Integer("port", 1, TrafficFields.PortMax);
        string kind = backend.Text("kind") ?? "Service";
        string group = backend.Text("group") ?? string.Empty;
        bool isService = kind == "Service" && group.Length == 0;
        if (!isService)
        {
            backend.Warning("kind", $"A {kind} cannot be a backend; its share of the requests fails.", "Use a Service.");
        }
        else if (port is null)
        {
            backend.Error("port", "The field is required.");
        }
        else if (@namespace != own && !parents.Any(parent => parent.Namespace == @namespace && parent.Service == name))
        {
            backend.Warning(
                "namespace",
                "Backends of other namespaces need a ReferenceGrant, which is not supported; its share of the requests fails.");
            isService = false;
        }

        return new DestinationSpec(isService ? name : null, @namespace, Subset: string.Empty, port, weight, backend.Path);
    }
}
