using System.Text.RegularExpressions;
using Mesh.Api.Identity;
using Mesh.Control.Dialects;
using Mesh.Control.Model.Inputs;
using Mesh.Control.Tests.Support;
using Xunit;

namespace Mesh.Control.Tests.Dialects;

/// <summary>
/// One small directory per case, in groups: <c>GROUP/CASE/input.yaml</c> beside <c>GROUP/shared.yaml</c>, and <c>expected.txt</c> in the
/// words of <see cref="CaseText"/>, whose first line, a comment, names the row of the reference it is written from. Nothing here writes
/// expected texts: they say what must be, not what is.
/// </summary>
public sealed partial class GoldenCaseTests : IDisposable
{
    private readonly ScratchDirectory _directory = new();

    private static string Root => Path.Combine(AppContext.BaseDirectory, "Dialects", "Golden");

    public static TheoryData<string> Cases =>
    [
        .. Directory.GetDirectories(Root)
            .Where(group => !File.Exists(Path.Combine(group, "input.yaml")))
            .SelectMany(Directory.GetDirectories)
            .Select(path => Path.GetRelativePath(Root, path))
            .Order(StringComparer.Ordinal),
    ];

    public void Dispose() => _directory.Dispose();

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task Translates_as_the_reference_says(string name)
    {
        string directory = Path.Combine(Root, name);
        File.Copy(Path.Combine(Path.GetDirectoryName(directory)!, "shared.yaml"), Path.Combine(_directory.Path, "shared.yaml"));
        File.Copy(Path.Combine(directory, "input.yaml"), Path.Combine(_directory.Path, "input.yaml"));
        ManifestSnapshot snapshot = await Manifests.ReadAsync(_directory.Path);
        Assert.Empty(snapshot.Diagnostics);
        string[] expected = await File.ReadAllLinesAsync(Path.Combine(directory, "expected.txt"), TestContext.Current.CancellationToken);

        string actual = CaseText.Of(
            new MeshTranslator(new TranslationOptions { TrustDomain = TrustDomain.Default }).Translate(snapshot.Objects));

        Assert.Matches(Row(), expected[0]);
        Assert.Equal(
            string.Join('\n', expected.Where(line => !line.StartsWith('#'))).Trim('\n'), actual.Trim('\n'), ignoreLineEndingDifferences: true);
    }

    [GeneratedRegex("^# (0|[ABC]\\.[0-9]+)[ ,:]")]
    private static partial Regex Row();
}
