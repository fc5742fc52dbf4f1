using Mesh.Api.Identity;
using Mesh.Control.Dialects;
using Mesh.Control.Model.Inputs;
using Mesh.Control.Tests.Support;
using Xunit;

namespace Mesh.Control.Tests.Dialects;

/// <summary>
/// One directory per case: <c>input.yaml</c> and what it must translate to, diagnostics included. To write the results of a change for
/// review, set MESH_UPDATE_GOLDEN to the source directory of the cases; the tests then fail, so that nobody commits unread results.
/// </summary>
public sealed class GoldenTests
{
    private const string Expected = "expected.txt";

    private static string Root => Path.Combine(AppContext.BaseDirectory, "Dialects", "Golden");

    public static TheoryData<string> Cases =>
    [
        .. Directory.GetDirectories(Root)
            .Where(path => File.Exists(Path.Combine(path, "input.yaml")))
            .Select(path => Path.GetFileName(path)!)
            .Order(StringComparer.Ordinal),
    ];

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task Translates_as_reviewed(string name)
    {
        ManifestSnapshot snapshot = await Manifests.ReadAsync(Path.Combine(Root, name));
        Assert.Empty(snapshot.Diagnostics);

        string actual = ModelText.Of(
            new MeshTranslator(new TranslationOptions { TrustDomain = TrustDomain.Default }).Translate(snapshot.Objects));

        if (Environment.GetEnvironmentVariable("MESH_UPDATE_GOLDEN") is { Length: > 0 } sources)
        {
            await File.WriteAllTextAsync(Path.Combine(sources, name, Expected), actual, TestContext.Current.CancellationToken);
            Assert.Fail($"Wrote {name}/{Expected}. Review it.");
        }

        Assert.Equal(await File.ReadAllTextAsync(Path.Combine(Root, name, Expected), TestContext.Current.CancellationToken), actual);
    }
}
