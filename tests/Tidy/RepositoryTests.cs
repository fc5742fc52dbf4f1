using Mesh.Tidy.Rules;
using Xunit;

namespace Mesh.Tidy;

/// <summary>The rules, applied to this repository. That each rule can fail is shown by <see cref="RuleTests"/>.</summary>
public sealed class RepositoryTests
{
    private static Repository Repository => Repository.Current;

    private static IEnumerable<SourceFile> Product => Repository.CSharp.Where(file => !file.IsUnder("tests", "bench"));

    private static SourceFile Architecture => Repository.Markdown.Single(file => file.Path == "ARCHITECTURE.md");

    [Fact]
    public void A_project_references_only_what_its_layer_may() => AssertNone(Repository.Projects.SelectMany(Layers.Check));

    [Fact]
    public void Every_project_of_the_table_exists() => AssertNone(Layers.Allowed.Keys
        .Where(name => !Repository.Projects.Any(project => project.Path.EndsWith($"/{name}.csproj", StringComparison.Ordinal)))
        .Select(name => new Finding("tests/Tidy/Rules/Layers.cs", 0, $"{name} does not exist.")));

    [Fact]
    public void Unsafe_code_and_imports_are_in_native_interop_only() => AssertNone(Repository.CSharp.SelectMany(BannedNames.CheckNative));

    [Fact]
    public void Loop_code_waits_for_nothing_outside_the_loop() => AssertNone(Repository.CSharp.SelectMany(BannedNames.CheckLoop));

    [Fact]
    public void Pure_projects_are_pure() => AssertNone(Repository.CSharp.SelectMany(BannedNames.CheckPure));

    [Fact]
    public void Reminders_have_an_issue() => AssertNone(Repository.CSharp.SelectMany(Comments.CheckReminders));

    [Fact]
    public void No_code_is_commented_out() => AssertNone(Repository.CSharp.SelectMany(Comments.CheckCommentedOutCode));

    [Fact]
    public void Every_close_reason_is_given_by_some_code() => AssertNone(CloseReasonCoverage.CheckGiven(Repository.CSharp));

    [Fact]
    public void Every_close_reason_is_expected_by_some_test() => AssertNone(CloseReasonCoverage.CheckExpected(Repository.CSharp));

    [Fact]
    public void Lines_and_files_fit_a_screen() => AssertNone(Repository.CSharp.SelectMany(Sizes.Check));

    [Fact]
    public void The_repository_speaks_of_the_product_alone() =>
        AssertNone(Repository.CSharp.Concat(Repository.Markdown).SelectMany(WorkplaceWords.Check));

    [Fact]
    public void Every_port_of_the_architecture_is_an_option() =>
        AssertNone(Documentation.CheckPorts(Architecture, Product));

    [Fact]
    public void The_architecture_shows_the_table_of_layers() => AssertNone(Documentation.CheckLayers(Architecture));

    [Fact]
    public void What_documentation_names_exists()
    {
        HashSet<string> names = Documentation.NamesIn(Repository.CSharp, Repository.Protos);
        AssertNone(Repository.Markdown.SelectMany(document => Documentation.CheckNames(document, names, Repository.Paths)));
    }

    [Fact]
    public void Tests_that_documentation_names_exist_and_those_of_the_talks_are_named()
    {
        HashSet<string> tests = ShownTests.TestsIn(Repository.CSharp);
        AssertNone(Repository.Markdown.SelectMany(document => ShownTests.CheckNamed(document, tests)));
        AssertNone(ShownTests.CheckTable(Repository.Markdown, tests));
    }

    private static void AssertNone(IEnumerable<Finding> findings)
    {
        string[] lines = [.. findings.Select(finding => finding.ToString())];
        Assert.True(lines.Length == 0, string.Join(Environment.NewLine, lines));
    }
}
