using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Analysis.Inputs;

internal sealed class VirtualService : Entry
{
    public const string MeshGateway = "mesh";

    public VirtualService(RawObject source)
        : base(source)
    {
        Hosts = [.. Spec["hosts"].Items.Where(host => host.Text.Length > 0)];
        Gateways = [.. Spec["gateways"].Items.Where(gateway => gateway.Text.Length > 0)];
        IsForMesh = Gateways.Count == 0 || Gateways.Any(gateway => gateway.Text == MeshGateway);
        Routes =
        [
            .. Spec["http"].Items.Select(rule => new VirtualServiceRoute(rule)),
            .. Spec["tls"].Items.Select(rule => new VirtualServiceRoute(rule)),
            .. Spec["tcp"].Items.Select(rule => new VirtualServiceRoute(rule)),
        ];
    }

    public IReadOnlyList<Field> Hosts { get; }

    public IReadOnlyList<Field> Gateways { get; }

    /// <summary>Whether its routes hold inside the mesh.</summary>
    public bool IsForMesh { get; }

    public IReadOnlyList<VirtualServiceRoute> Routes { get; }
}

/// <summary>A rule of <c>http</c>, <c>tls</c> or <c>tcp</c>.</summary>
internal sealed class VirtualServiceRoute(Field field)
{
    public Field Field { get; } = field;

    public IReadOnlyList<Field> Matches { get; } = [.. field["match"].Items];

    public IReadOnlyList<RouteDestination> Weighted { get; } =
        [.. field["route"].Items.Select(route => new RouteDestination(route["destination"], route["weight"]))];

    /// <summary>With those of the mirrors.</summary>
    public IEnumerable<RouteDestination> Destinations =>
    [
        .. Weighted,
        .. Field["mirror"].Exists ? [new RouteDestination(Field["mirror"], Field["mirror"]["weight"])] : Array.Empty<RouteDestination>(),
        .. Field["mirrors"].Items.Select(mirror => new RouteDestination(mirror["destination"], mirror["weight"])),
    ];
}

internal sealed record RouteDestination(Field Field, Field Weight)
{
    public string Host => Field["host"].Text;

    public string Subset => Field["subset"].Text;

    public int? Port => Field["port"]["number"].Number;
}
