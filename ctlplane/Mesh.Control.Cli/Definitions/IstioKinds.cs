using System.Collections.Immutable;

namespace Mesh.Control.Cli.Definitions;

/// <summary>What the definitions of a group of Istio's have in common.</summary>
internal static class IstioKinds
{
    private static readonly ImmutableArray<string> s_networkingVersions = ["v1", "v1beta1", "v1alpha3"];
    private static readonly ImmutableArray<string> s_securityVersions = ["v1", "v1beta1"];
    private static readonly ImmutableArray<string> s_telemetryVersions = ["v1", "v1alpha1"];

    public static Definition Networking(string kind, string plural, params ImmutableArray<string> shortNames) =>
        Of("networking.istio.io", s_networkingVersions, kind, plural, shortNames) with { IsSpecRequired = true };

    public static Definition Security(string kind, string plural, params ImmutableArray<string> shortNames) =>
        Of("security.istio.io", s_securityVersions, kind, plural, shortNames) with { Nulls = NullFields.Kept };

    public static Definition Telemetry(string kind, string plural, params ImmutableArray<string> shortNames) =>
        Of("telemetry.istio.io", s_telemetryVersions, kind, plural, shortNames);

    private static Definition Of(
        string group, ImmutableArray<string> versions, string kind, string plural, ImmutableArray<string> shortNames) => new()
        {
            Group = group,
            Kind = kind,
            Plural = plural,
            ShortNames = shortNames,
            Categories = ["istio-io", group.Replace('.', '-')],
            Versions = versions,
            Description = string.Empty,
            Spec = Shape.Open(),
        };
}
