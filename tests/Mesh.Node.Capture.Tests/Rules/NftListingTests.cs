using Mesh.Node.Capture.Rules;
using Xunit;

namespace Mesh.Node.Capture.Tests.Rules;

public sealed class NftListingTests
{
    private const string Table = "table inet mesh_node {\n\tchain connect {\n\t\treturn\n\t\taccept\n\t}\n}\n";

    [Fact]
    public void Tables_are_told_apart_and_ours_are_known_by_name()
    {
        NftListing listing =
            NftListing.Parse($"# Warning: something\ntable inet theirs {{\n}}\n{Table}table inet mesh_node_guard {{\n}}\n");

        Assert.Equal(["mesh_node", "mesh_node_guard"], listing.Ours);
        Assert.Contains("connect", listing.Tables["mesh_node"], StringComparison.Ordinal);
        Assert.Empty(NftListing.Parse("").Ours);
    }

    [Theory]
    [InlineData("Error: syntax error")]
    [InlineData("table inet mesh_node {\n\tchain x {\n\t}\n")]
    public void Output_that_is_something_else_is_refused(string output) => Assert.Throws<CaptureException>(() => NftListing.Parse(output));

    [Theory]
    [InlineData("", "", 0)]
    [InlineData("\t\treturn\n", "", 1)]
    [InlineData("accept", "drop", 2)]
    [InlineData("\t\treturn\n\t\taccept\n", "\t\taccept\n\t\treturn\n", 1)]
    public void Each_difference_is_named(string text, string instead, int differences)
    {
        string present = text.Length == 0 ? Table : Table.Replace(text, instead, StringComparison.Ordinal);

        Assert.Equal(differences, NftText.Differences(Table, present).Count());
    }

    [Fact]
    public void A_table_that_is_missing_or_too_many_is_one_difference()
    {
        Assert.Contains("missing", Assert.Single(NftText.Differences(Table, null)), StringComparison.Ordinal);
        Assert.Contains("not expected", Assert.Single(NftText.Differences(null, Table)), StringComparison.Ordinal);
    }
}
