using Mesh.Tidy.Rules;
using Xunit;

namespace Mesh.Tidy;

/// <summary>Each rule finds a sample that breaks it and leaves one alone that does not: a check that cannot fail checks nothing.</summary>
public sealed class RuleTests
{
    private const string Loop = "nodeproxy/Mesh.Node.Transport/EventLoops/X.cs";
    private const string Pure = "nodeproxy/Mesh.Node.Model/X.cs";
    private const string Elsewhere = "nodeproxy/Mesh.Node.Proxy/Admin/X.cs";

    // In pieces, as all such words here, so that whoever searches the repository for reminders finds none but real ones.
    private const string Later = "TO" + "DO";

    [Theory]
    [InlineData("nodeproxy/Mesh.Node.Model", "ProjectReference", "../Mesh.Node.Proxy/Mesh.Node.Proxy.csproj")]
    [InlineData("nodeproxy/Mesh.Node.Proxy", "ProjectReference", "../../ctlplane/Mesh.Control.Model/Mesh.Control.Model.csproj")]
    [InlineData("ctlplane/Mesh.Control.Serving", "ProjectReference", @"..\Mesh.Control.Dialects\Mesh.Control.Dialects.csproj")]
    [InlineData("nodeproxy/Mesh.Node.Model", "PackageReference", "Grpc.Net.Client")]
    [InlineData("nodeproxy/Mesh.Node.Model", "FrameworkReference", "Microsoft.AspNetCore.App")]
    [InlineData("nodeproxy/Mesh.Node.Model", "InternalsVisibleTo", "Mesh.Node.Proxy")]
    [InlineData("nodeproxy/Mesh.Node.Model", "InternalsVisibleTo", "Mesh.Node.Mod.Tests")]
    [InlineData("nodeproxy/Mesh.Node.Model", "InternalsVisibleTo", "Mesh.Node.Proxy.Tests")]
    [InlineData("nodeproxy/Mesh.Unknown", "ProjectReference", "../Mesh.Node.Model/Mesh.Node.Model.csproj")]
    [InlineData("tests/Mesh.Common", "ProjectReference", "../Mesh.Testing/Mesh.Testing.csproj")]
    public void A_reference_outside_the_table_is_found(string folder, string item, string include) =>
        Assert.Single(Layers.Check(Project(folder, $"<{item} Include=\"{include}\" />")));

    [Theory]
    [InlineData("nodeproxy/Mesh.Node.Model", "ProjectReference", "../../ctlplane/Mesh.Api/Mesh.Api.csproj")]
    [InlineData("nodeproxy/Mesh.Node.Model", "InternalsVisibleTo", "Mesh.Node.Model.Tests")]
    [InlineData("ctlplane/Mesh.Control.Serving", "InternalsVisibleTo", "Mesh.Control.Tests")]
    [InlineData("ctlplane/Mesh.Control.Serving", "InternalsVisibleTo", "Mesh.Bench.Control")]
    [InlineData("nodeproxy/Mesh.Node.Transport", "PackageReference", "Any.Package")]
    [InlineData("tests/Mesh.Node.Model.Tests", "ProjectReference", "../Mesh.Testing/Mesh.Testing.csproj")]
    public void A_reference_inside_the_table_is_left_alone(string folder, string item, string include) =>
        Assert.Empty(Layers.Check(Project(folder, $"<{item} Include=\"{include}\" />")));

    [Fact]
    public void Allowing_unsafe_code_is_found_outside_native_interop()
    {
        const string Property = "<AllowUnsafeBlocks>true</AllowUnsafeBlocks>";
        Assert.Single(Layers.Check(Project("tests/Mesh.Testing", Property)));
        Assert.Empty(Layers.Check(Project("native-interop/Mesh.Interop", Property)));
    }

    [Theory]
    [InlineData("class X { unsafe void Y() { } }")]
    [InlineData("class X { [LibraryImport(\"libc\")] static partial int Close(int fd); }")]
    [InlineData("class X { [System.Runtime.InteropServices.DllImport(\"libc\")] static extern int close(int fd); }")]
    [InlineData("class X { int Y() => Marshal.SizeOf<int>(); }")]
    public void Native_code_is_found_outside_native_interop(string code)
    {
        Assert.NotEmpty(BannedNames.CheckNative(new SourceFile(Elsewhere, code)));
        Assert.Empty(BannedNames.CheckNative(new SourceFile("native-interop/Mesh.Interop/Linux/X.cs", code)));
    }

    [Fact]
    public void A_test_that_is_named_and_does_not_exist_is_found()
    {
        SourceFile code = new("tests/X/RowTests.cs", "class RowTests { [LabFact] void Row_1_1_It_works() { } void Row_1_2_Helps() { } }");
        HashSet<string> tests = ShownTests.TestsIn([code]);
        Assert.Equal(["RowTests.Row_1_1_It_works"], tests);
        Assert.Empty(ShownTests.CheckNamed(new SourceFile("a.md", "| 1.1 | `RowTests.Row_1_1_It_works` |"), tests));
        Assert.Single(ShownTests.CheckNamed(new SourceFile("a.md", "| 1.2 | `RowTests.Row_1_2_Helps` |"), tests));

        Assert.Empty(ShownTests.CheckTable([new SourceFile("tests/EndToEnd/Talks/README.md", "`RowTests.Row_1_1_It_works`")], tests));
        Assert.Single(ShownTests.CheckTable([new SourceFile("tests/EndToEnd/Talks/README.md", "")], tests));
    }

    [Fact]
    public void The_tests_of_native_interop_may_use_Marshal_and_nothing_else_of_it()
    {
        const string Path = "tests/Mesh.Interop.Tests/X.cs";
        Assert.Empty(BannedNames.CheckNative(new SourceFile(Path, "class X { int Y() => Marshal.SizeOf<int>(); }")));
        Assert.NotEmpty(BannedNames.CheckNative(new SourceFile(Path, "class X { unsafe void Y() { } }")));
    }

    [Theory]
    [InlineData("// An unsafe thing; Marshal is not used.\nclass X;")]
    [InlineData("class X { string Y => \"unsafe Marshal\"; }")]
    [InlineData("class X { int Y(Span<byte> z) => MemoryMarshal.Read<int>(z); }")]
    public void Words_in_comments_strings_and_longer_names_are_left_alone(string code) =>
        Assert.Empty(BannedNames.CheckNative(new SourceFile(Elsewhere, code)));

    [Theory]
    [InlineData("class X { void Y() => Task.Run(() => { }); }")]
    [InlineData("class X { Task Y(TimeProvider t) => Task.Delay(TimeSpan.Zero, t); }")]
    [InlineData("class X { void Y() => System.Threading.Tasks.Task.Run(() => { }); }")]
    [InlineData("class X { async Task Y() => await Task.Yield(); }")]
    [InlineData("class X { async Task Y(Task a, Task b) => await Task.WhenAny(a, b); }")]
    [InlineData("class X { void Y() => ThreadPool.QueueUserWorkItem(_ => { }); }")]
    [InlineData("class X { SemaphoreSlim _y = new(1); }")]
    [InlineData("class X { Channel<int>? _y; }")]
    [InlineData("class X { object Y() => Channel.CreateUnbounded<int>(); }")]
    public void Loop_code_that_leaves_the_loop_is_found(string code)
    {
        Assert.NotEmpty(BannedNames.CheckLoop(new SourceFile(Loop, code)));
        Assert.NotEmpty(BannedNames.CheckLoop(new SourceFile("nodeproxy/Mesh.Node.Proxy/Outbound/X.cs", code)));
        Assert.NotEmpty(BannedNames.CheckLoop(new SourceFile("nodeproxy/Mesh.Node.Proxy/Loops/X.cs", code)));
        Assert.NotEmpty(BannedNames.CheckLoop(new SourceFile("nodeproxy/Mesh.Node.Protocols/Http2/X.cs", code)));
        Assert.Empty(BannedNames.CheckLoop(new SourceFile(Elsewhere, code)));
    }

    [Theory]
    [InlineData("class X { void Y(ByteChannel channel) => channel.Close(); }")]
    [InlineData("class X { void Y(LoopTask task) => task.Run(); }")]
    [InlineData("class X { ByteChannel Y(ConnectResult connected) => connected.Channel; }")]
    [InlineData("// Never Task.Run here.\nclass X;")]
    public void Loop_code_that_stays_is_left_alone(string code) => Assert.Empty(BannedNames.CheckLoop(new SourceFile(Loop, code)));

    [Theory]
    [InlineData("class X { long Y => Environment.TickCount64; }")]
    [InlineData("class X(ILogger<X> logger);")]
    [InlineData("class X { async Task Y() { } }")]
    [InlineData("class X { string Y => File.ReadAllText(\"z\"); }")]
    public void Impure_code_is_found_in_pure_projects(string code)
    {
        Assert.NotEmpty(BannedNames.CheckPure(new SourceFile(Pure, code)));
        Assert.Empty(BannedNames.CheckPure(new SourceFile(Elsewhere, code)));
    }

    [Fact]
    public void A_method_called_File_is_no_file() =>
        Assert.Empty(BannedNames.CheckPure(new SourceFile(Pure, "class X { void File() => File(); }")));

    [Theory]
    [InlineData("// " + Later + ": later", 1)]
    [InlineData("/* FIX" + "ME */", 1)]
    [InlineData("/// <summary>HA" + "CK around it.</summary>\nclass X;", 1)]
    [InlineData("// " + Later + " #123: later", 0)]
    [InlineData("// The method is to" + "do-free.", 0)]
    [InlineData("class X { string Y => \"" + Later + "\"; }", 0)]
    public void A_reminder_needs_an_issue(string code, int findings) =>
        Assert.Equal(findings, Comments.CheckReminders(new SourceFile(Elsewhere, code)).Count());

    [Theory]
    [InlineData("// var x = 1;")]
    [InlineData("// return;")]
    [InlineData("// Close(socket);")]
    [InlineData("// if (x) {")]
    [InlineData("// }")]
    [InlineData("// _count++;")]
    [InlineData("/*\n * socket.Close();\n */")]
    public void Commented_out_code_is_found(string comment) =>
        Assert.Single(Comments.CheckCommentedOutCode(new SourceFile(Elsewhere, comment + "\nclass X;")));

    [Theory]
    [InlineData("// First the socket is closed (see above);")]
    [InlineData("// The peer may send more;")]
    [InlineData("// Both ends;")]
    [InlineData("// done;")]
    [InlineData("// It calls Close(socket) and returns.")]
    [InlineData("// See https://example.org/a;")]
    [InlineData("/// <code>socket.Close();</code>\nclass Y;")]
    public void Prose_is_left_alone(string comment) =>
        Assert.Empty(Comments.CheckCommentedOutCode(new SourceFile(Elsewhere, comment + "\nclass X;")));

    [Fact]
    public void Long_lines_and_long_files_are_found()
    {
        string line = new('x', Sizes.LineCharsMax);
        Assert.Empty(Sizes.Check(new SourceFile(Elsewhere, line + "\n")));
        Assert.Single(Sizes.Check(new SourceFile(Elsewhere, line + "x\n")));

        string file = string.Concat(Enumerable.Repeat("x\n", Sizes.FileLinesMax));
        Assert.Empty(Sizes.Check(new SourceFile(Elsewhere, file)));
        Assert.Single(Sizes.Check(new SourceFile(Elsewhere, file + "x\n")));
        Assert.Single(Sizes.Check(new SourceFile(Elsewhere, file + "x")));
    }

    [Theory]
    [InlineData("see /home/lead/mesh", 1)]
    [InlineData("/Users/lead/vectors", 1)]
    [InlineData("part of issue 2", 1)]
    [InlineData("design §3", 1)]
    [InlineData("reference.md §5.1", 1)]
    [InlineData("RFC 9113 §6.9.1", 0)]
    [InlineData("a TLS session", 0)]
    [InlineData("dotnet/runtime#128871", 0)]
    [InlineData("the work shared by all", 0)]
    public void Words_of_the_workplace_are_found(string text, int findings) =>
        Assert.Equal(findings, WorkplaceWords.Check(new SourceFile(Elsewhere, text)).Count());

    [Theory]
    [InlineData("`EventLoop` runs it.", 0)]
    [InlineData("`EventLoop.Post` and `EventLoop<T>` run it.", 0)]
    [InlineData("`EventLoops` runs it.", 1)]
    [InlineData("`GOAWAY`, `mesh-node`, `istio_build`, `Idle` and `200 OK` are no types.", 0)]
    [InlineData("`NetworkPolicy` is Kubernetes'.", 0)]
    [InlineData("`Mesh.Node.Model` is a project.", 0)]
    [InlineData("`Mesh.Node.Nothing` is none.", 1)]
    [InlineData("```\n`Gone.Type` in a fenced block\n```", 0)]
    [InlineData("`nodeproxy/README.md`, `bench/` and `bench/budgets/` are there.", 0)]
    [InlineData("`nodeproxy/GONE.md` is not.", 1)]
    [InlineData("`/metrics` and `text/plain` are no files.", 0)]
    public void Documentation_that_names_what_is_gone_is_found(string text, int findings)
    {
        HashSet<string> names = Documentation.NamesIn([new SourceFile(Loop, "namespace Mesh.Node.Transport; class EventLoop;")], []);
        string[] paths = ["nodeproxy/README.md", "bench/budgets/allocations.json"];
        Assert.Equal(findings, Documentation.CheckNames(new SourceFile("X.md", text), names, paths).Count());
    }

    [Theory]
    [InlineData("It listens on 15001.", 0)]
    [InlineData("It listens on 15003.", 0)]
    [InlineData("It listens on 15002.", 1)]
    [InlineData("It handled 150010 bytes in 1500 ms.", 0)]
    public void A_port_that_is_in_no_option_is_found(string text, int findings)
    {
        SourceFile options = new(Elsewhere, "class X { int Y => 15_001; string Z => \"[::]:15003\"; /* 15002 */ }");
        Assert.Equal(findings, Documentation.CheckPorts(new SourceFile("X.md", text), [options]).Count());
    }

    [Fact]
    public void A_table_of_layers_that_differs_is_found()
    {
        string rows = string.Join('\n', Layers.Allowed.Select(layer =>
            $"| `{layer.Key}` | {string.Join(", ", layer.Value.Select(name => $"`{name}`"))} |"));
        string complete = $"## Layers\n| Project | May reference |\n|---|---|\n{rows}\n## More\n";
        Assert.Empty(Findings(complete));
        Assert.Empty(Findings(complete + "| `Mesh.Other` | |"));

        Assert.Equal(Layers.Allowed.Count, Findings(rows).Count());
        const string Row = "| `Mesh.Node.Model` | `Mesh.Api` |";
        Assert.Single(Findings(complete.Replace(Row, "", StringComparison.Ordinal)));
        Assert.Single(Findings(complete.Replace(Row, "| `Mesh.Node.Model` | |", StringComparison.Ordinal)));
        Assert.Single(Findings(complete.Replace("## More", "| `Mesh.More` | |", StringComparison.Ordinal)));

        static IEnumerable<Finding> Findings(string text) => Documentation.CheckLayers(new SourceFile("X.md", text));
    }

    [Fact]
    public void A_close_reason_without_code_or_without_test_is_found()
    {
        SourceFile[] files =
        [
            new("p/CloseReason.cs", "enum CloseReason { None, Given, Logged, NotTested, NotGiven, OnlyAsked, OnlyCompared }"),
            new("p/CloseReasons.cs", "class T { object Y() => (CloseReason.NotGiven, CloseReason.OnlyAsked, CloseReason.OnlyCompared); }"),
            new("p/P.cs", "class X { object Y() => (CloseReason.Given, CloseReason.Logged, CloseReason.NotTested); }"),
            new("p/Q.cs", "class X { bool Y(CloseReason r) => r is CloseReason.OnlyAsked or CloseReason.NotGiven || r == CloseReason.OnlyCompared; }"),
            new("tests/T.cs", "class X { object Y() => CloseReason.Given; string Z => \"=Logged NotGiven OnlyAsked OnlyCompared\"; /* NotTested */ }"),
            new("tests/CloseReasonTests.cs", "class X { object Y() => CloseReason.NotTested; }"),
        ];
        Assert.Equal(
            ["NotGiven", "OnlyAsked", "OnlyCompared"],
            CloseReasonCoverage.CheckGiven(files).Select(finding => finding.Message.Split(' ', ':')[6]));
        Assert.Equal(["No test expects NotTested."], CloseReasonCoverage.CheckExpected(files).Select(finding => finding.Message));
    }

    private static SourceFile Project(string folder, string content) =>
        new($"{folder}/{folder.Split('/')[^1]}.csproj", $"<Project>{content}</Project>");
}
