using System.Collections.Immutable;
using Mesh.Control.Dialects.Traffic;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Dialects.GatewayApi;

/// <summary>Reads backendRefs: where requests of a rule go.</summary>
internal static class BackendReader
{
    private const int BackendsMax = 16;
    private const int WeightMax = 1_000_000;

    private static readonly string[] s_fields = ["filters", "group", "kind", "name", "namespace", "port", "weight"];

    public static ImmutableArray<DestinationSpec> ReadAll(FieldReader rule, ImmutableArray<ServiceParent> parents)
    {
        ImmutableArray<DestinationSpec>.Builder destinations = ImmutableArray.CreateBuilder<DestinationSpec>();
        List<FieldReader> backends = rule.Sections("backendRefs");
        if (backends.Count > BackendsMax)
        {
            rule.Error("backendRefs", $"{backends.Count} backends; {BackendsMax} are allowed.");
        }

        foreach (FieldReader backend in backends)
        {
            uint weight = (uint)(backend.Integer("weight", 0, WeightMax) ?? 1);
            HttpRouteFilters filters = HttpRouteFilterReader.ReadOfBackend(backend);
            destinations.Add(Read(backend, weight, parents) with
            {
                RequestHeaders = filters.RequestHeaders,
                ResponseHeaders = filters.ResponseHeaders,
            });
        }

        return destinations.ToImmutable();
    }

    /// <summary>Where connections of a rule go.</summary>
    public static ImmutableArray<DestinationSpec> ReadOfConnections(FieldReader rule, ImmutableArray<ServiceParent> parents)
    {
        List<FieldReader> backends = rule.Sections("backendRefs");
        if (backends.Count is 0 or > BackendsMax)
        {
            rule.Error("backendRefs", $"{backends.Count} backends; 1 to {BackendsMax} are allowed.");
        }

        return
        [
            .. backends.Select(backend =>
                Read(backend, (uint)(backend.Integer("weight", 0, WeightMax) ?? 1), parents, "connections")),
        ];
    }

    /// <summary>A backend, in a rule or a filter. One that cannot be gets its share of the requests, which then fail.</summary>
    /// <param name="backend">The backend.</param>
    /// <param name="weight">Its weight.</param>
    /// <param name="parents">Services requests go to without any route, so that leading them there needs no leave.</param>
    /// <param name="what">What goes there: requests, or connections.</param>
    public static DestinationSpec Read(
        FieldReader backend, uint weight, ImmutableArray<ServiceParent> parents, string what = "requests")
    {
        backend.RefuseUnknown("A backend", what == "requests" ? s_fields : s_fields.AsSpan(1));
        string own = backend.Diagnostics.Source.Key.Namespace;
        string @namespace = backend.Text("namespace") ?? own;
        string? name = backend.RequiredText("name");
        int? port = backend.Integer("port", 1, TrafficFields.PortMax);
        string kind = backend.Text("kind") ?? "Service";
        string group = backend.Text("group") ?? string.Empty;
        bool isService = kind == "Service" && group.Length == 0;
        if (!isService)
        {
            backend.Warning("kind", $"A {kind} cannot be a backend; its share of the {what} fails.", "Use a Service.");
        }
        else if (port is null)
        {
            backend.Error("port", "The field is required.");
        }

        return new DestinationSpec(isService ? name : null, @namespace, Subset: string.Empty, port, weight, backend.Path)
        {
            NeedsGrant = @namespace != own && !parents.Any(parent => parent.Namespace == @namespace && parent.Service == name),
        };
    }
}
