using Mesh.Lab.Manifests;
using Xunit;

namespace Mesh.Lab.Tests;

public sealed class ManifestReaderTests
{
    [Fact]
    public void Every_document_and_every_item_of_a_list_is_an_object()
    {
        var problems = new List<string>();
        List<Manifest> manifests = ManifestReader.ReadText(
            """
            # A comment alone is no object.
            ---
            kind: Namespace
            metadata: {name: shop}
            ---
            kind: List
            items:
            - kind: Pod
              metadata: {name: cart, namespace: shop}
            - kind: Service
              metadata: {name: cart}
            """,
            "shop.yaml",
            problems);

        Assert.Empty(problems);
        Assert.Equal(["Namespace shop", "Pod shop/cart", "Service default/cart"], manifests.Select(manifest => manifest.Key.ToString()));
    }

    [Fact]
    public void Every_problem_is_reported_with_its_file_and_line()
    {
        var problems = new List<string>();
        ManifestReader.ReadText(
            """
            - a sequence
            ---
            metadata: {name: x}
            ---
            kind: Pod
            ---
            kind: Pod
            metadata: {name: Upper}
            ---
            kind: Pod
            metadata: {name: x, namespace: "../etc"}
            ---
            kind: "../Pod"
            metadata: {name: x}
            """,
            "bad.yaml",
            problems);

        Assert.Equal(
            [
                "bad.yaml:1: a manifest is a mapping with kind and metadata",
                "bad.yaml:3: kind is missing",
                "bad.yaml:5: Pod: metadata.name is missing",
                "bad.yaml:7: Pod: metadata.name 'Upper' is not a DNS name (lower case letters, digits, '-' and '.')",
                "bad.yaml:10: Pod x: metadata.namespace '../etc' is not a DNS label",
                "bad.yaml:13: kind '../Pod' is not a word of letters",
            ],
            problems);
    }

    [Theory]
    [InlineData("kind: Pod\nmetadata: {name: x\n")]
    [InlineData("kind: Pod\nkind: Pod\n")]
    [InlineData("\tkind: Pod\n")]
    public void What_is_not_yaml_is_one_problem_that_names_the_file(string text)
    {
        var problems = new List<string>();

        Assert.Empty(ManifestReader.ReadText(text, "bad.yaml", problems));
        Assert.StartsWith("bad.yaml:", Assert.Single(problems), StringComparison.Ordinal);
    }

    [Fact]
    public void A_copy_keeps_what_the_lab_does_not_know_and_how_scalars_were_written()
    {
        var problems = new List<string>();
        Manifest manifest = Assert.Single(ManifestReader.ReadText(
            """
            kind: AuthorizationPolicy
            metadata: {name: x}
            spec:
              rules:
              - to: [{operation: {ports: ["8080"]}}]
                unheard: {of: [1, "1", true, "true", null]}
            """,
            "x.yaml",
            problems));

        string text = manifest.Copy().ToYaml();

        Assert.Contains("""ports: ["8080"]""", text, StringComparison.Ordinal);
        Assert.Contains("""of: [1, "1", true, "true", null]""", text, StringComparison.Ordinal);
        Assert.DoesNotContain("...", text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_directory_is_read_with_all_below_it_and_nothing_else()
    {
        string directory = Directory.CreateTempSubdirectory("mesh-lab-tests").FullName;
        try
        {
            Directory.CreateDirectory(Path.Combine(directory, "below"));
            File.WriteAllText(Path.Combine(directory, "b.yaml"), "kind: Service\nmetadata: {name: b}\n");
            File.WriteAllText(Path.Combine(directory, "below", "a.json"), """{"kind":"Service","metadata":{"name":"a"}}""");
            File.WriteAllText(Path.Combine(directory, "README.md"), "no manifest");

            var problems = new List<string>();
            Assert.Equal(["b", "a"], ManifestReader.ReadPath(directory, problems).Select(manifest => manifest.Key.Name));
            Assert.Empty(problems);

            ManifestReader.ReadPath(Path.Combine(directory, "gone"), problems);
            Assert.Contains("there is no such file or directory", Assert.Single(problems), StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }
}
