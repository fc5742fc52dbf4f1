using System.Text.RegularExpressions;
using Mesh.Api.Identity;
using Mesh.Control.Dialects;
using Mesh.Control.Model.Inputs;
using Mesh.Control.Sources.Kubernetes;
using Mesh.Control.Tests.Dialects;
using Mesh.Control.Tests.Support;
using Mesh.Control.Tests.Support.Kubernetes;
using Mesh.Testing.Kubernetes;
using Xunit;

namespace Mesh.Control.Tests.Sources.Kubernetes;

/// <summary>A manifest means the same, whether it lies in a directory or in a cluster.</summary>
public sealed partial class SameAsFilesTests
{
    private static readonly HashSet<string> s_followed = [.. WatchedKinds.With("istio-system").Select(kind => kind.Kind)];

    private static string Root => Path.Combine(AppContext.BaseDirectory, "Dialects", "Golden");

    public static TheoryData<string> Cases => GoldenTests.Cases;

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task What_is_reviewed_for_files_holds_for_a_cluster(string name)
    {
        string directory = Path.Combine(Root, name);
        ManifestSnapshot files = await Manifests.ReadAsync(directory);
        RawObject[] followed = [.. files.Objects.Where(raw => s_followed.Contains(raw.Key.Kind) && raw.Key is not { Kind: "ConfigMap", Name: not "istio" })];
        await using FollowedCluster cluster = await FollowedCluster.StartAsync(server =>
        {
            foreach (WatchedKind kind in WatchedKinds.All.Where(kind => ApiResource.BuiltIn.All(known => known.Kind != kind.Kind)))
            {
                server.Define(new ApiResource(kind.Group, VersionOf(followed, kind), kind.Plural, kind.Kind));
            }

            foreach (string file in Directory.GetFiles(directory, "*.yaml"))
            {
                server.Apply(string.Concat(Documents().Split(File.ReadAllText(file)).Where(IsFollowed).Select(text => $"{text}\n---\n")));
            }
        });

        ManifestSnapshot snapshot = await cluster.NextAsync();

        Assert.True(snapshot.IsComplete);
        Assert.Empty(snapshot.Diagnostics);
        Assert.Equal(Meaning([.. followed]), Meaning([.. snapshot.Objects]));
    }

    private static string VersionOf(RawObject[] objects, WatchedKind kind) =>
        objects.FirstOrDefault(raw => raw.Key.Kind == kind.Kind)?.ApiVersion.Split('/')[^1] ?? kind.Versions[0];

    private static bool IsFollowed(string document) =>
        KindLine().Match(document) is { Success: true } kind && s_followed.Contains(kind.Groups[1].Value);

    /// <summary>Everything but where it is written.</summary>
    private static string Meaning(IReadOnlyList<RawObject> objects) => Place().Replace(
        ModelText.Of(new MeshTranslator(new TranslationOptions { TrustDomain = TrustDomain.Default }).Translate([.. objects])),
        string.Empty);

    [GeneratedRegex(@"^---\s*$", RegexOptions.Multiline)]
    private static partial Regex Documents();

    [GeneratedRegex(@"^kind: (\w+)", RegexOptions.Multiline)]
    private static partial Regex KindLine();

    [GeneratedRegex(@"input\.yaml:\d+|kubernetes")]
    private static partial Regex Place();
}
