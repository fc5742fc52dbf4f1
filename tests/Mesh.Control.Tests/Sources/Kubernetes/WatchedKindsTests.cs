using System.Collections.Immutable;
using Mesh.Control.Dialects;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;
using Mesh.Control.Sources.Kubernetes;
using Xunit;

namespace Mesh.Control.Tests.Sources.Kubernetes;

/// <summary>What is followed is what the dialects know.</summary>
public sealed class WatchedKindsTests
{
    public static TheoryData<string> Resources => [.. WatchedKinds.All.Select(kind => kind.Resource)];

    [Theory]
    [MemberData(nameof(Resources))]
    public void Each_kind_followed_is_known_to_a_dialect_in_every_version(string resource)
    {
        WatchedKind kind = WatchedKinds.All.Single(known => known.Resource == resource);
        foreach (string version in kind.Versions)
        {
            ImmutableArray<Diagnostic> diagnostics = new MeshTranslator(new TranslationOptions())
                .Translate([Empty(kind, version)]).Diagnostics;

            Assert.DoesNotContain(
                diagnostics, diagnostic => diagnostic.Reason.Contains("none of the mesh's business", StringComparison.Ordinal));
            Assert.DoesNotContain(diagnostics, diagnostic => diagnostic.Field == "apiVersion");
        }
    }

    [Fact]
    public void Each_kind_is_followed_once() =>
        Assert.Equal(WatchedKinds.All.Length, WatchedKinds.All.Select(kind => (kind.Group, kind.Kind)).Distinct().Count());

    private static RawObject Empty(WatchedKind kind, string version)
    {
        var name = new RawEntry("name", default, new RawScalar("one", ScalarKind.Text, default));
        var metadata = new RawEntry("metadata", default, new RawMapping([name], default));
        return new RawObject(
            new ObjectKey(kind.Group, kind.Kind, "shop", "one"),
            kind.ApiVersionOf(version),
            new RawMapping([metadata], default),
            new Origin("kubernetes", 0));
    }
}
