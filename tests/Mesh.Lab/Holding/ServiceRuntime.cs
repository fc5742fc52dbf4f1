using System.Net;
using Mesh.Lab.Manifests;

namespace Mesh.Lab.Holding;

/// <summary>A service and the addresses it has: those it was written with, or those the lab gave it.</summary>
internal sealed class ServiceRuntime
{
    public required ServiceSpec Spec { get; set; }

    /// <summary>Which pair of the service range it was given; null when it brought its own or has none.</summary>
    public int? Ordinal { get; set; }

    public required IReadOnlyList<IPAddress> Addresses { get; set; }
}
