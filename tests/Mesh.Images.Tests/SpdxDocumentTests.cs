using System.Text.Json.Nodes;
using Mesh.Images.Oci;
using Mesh.Images.Sbom;
using Xunit;

namespace Mesh.Images.Tests;

/// <summary>A bill of materials has what SPDX 2.3 demands of a document, and names each component once.</summary>
public sealed class SpdxDocumentTests
{
    private static readonly ImageSettings s_settings =
        new("mesh-test", "1.2.3", "A test.", [], "0:0", [], null, DateTimeOffset.FromUnixTimeSeconds(1_700_000_000));

    private static readonly Component[] s_components =
    [
        new("libstdc++6", "14.2.0-19", "pkg:deb/debian/libstdc%2B%2B6@14.2.0-19?arch=amd64", null, "/usr/share/doc/libstdc++6/copyright",
            "Organization: Debian", "http://gcc.test/"),
        new("Google.Protobuf", "3.36.2", "pkg:nuget/Google.Protobuf@3.36.2", "BSD-3-Clause", null, null, null),
    ];

    [Fact]
    public void It_has_what_the_specification_demands()
    {
        JsonObject document = JsonNode.Parse(SpdxDocument.Write(s_settings, "sha256:00ff", s_components))!.AsObject();

        Assert.Equal(
            ("SPDX-2.3", "CC0-1.0", "SPDXRef-DOCUMENT"),
            ((string)document["spdxVersion"]!, (string)document["dataLicense"]!, (string)document["SPDXID"]!));
        Assert.True(Uri.TryCreate((string)document["documentNamespace"]!, UriKind.Absolute, out Uri? name) && name.Fragment.Length == 0);
        Assert.Equal("2023-11-14T22:13:20Z", (string)document["creationInfo"]!["created"]!);
        Assert.StartsWith("Tool: ", (string)document["creationInfo"]!["creators"]![0]!, StringComparison.Ordinal);

        JsonNode[] packages = [.. document["packages"]!.AsArray().Select(package => package!)];
        string[] ids = [.. packages.Select(package => (string)package["SPDXID"]!)];
        Assert.Equal(ids.Distinct(), ids);
        Assert.All(ids, id => Assert.Matches("^SPDXRef-[a-zA-Z0-9.-]+$", id));
        Assert.All(packages, package =>
        {
            Assert.NotEmpty((string)package["name"]!);
            Assert.Equal("NOASSERTION", (string)package["downloadLocation"]!);
            Assert.False((bool)package["filesAnalyzed"]!);
        });
        Assert.Equal(
            ["SPDXRef-DOCUMENT DESCRIBES SPDXRef-Image", .. ids[1..].Select(id => $"SPDXRef-Image CONTAINS {id}")],
            document["relationships"]!.AsArray().Select(
                link => $"{link!["spdxElementId"]} {link["relationshipType"]} {link["relatedSpdxElement"]}"));
    }

    [Fact]
    public void Components_are_named_with_version_and_licence()
    {
        JsonArray packages = JsonNode.Parse(SpdxDocument.Write(s_settings, "sha256:00ff", s_components))!["packages"]!.AsArray();

        JsonNode library = packages.Single(package => (string)package!["name"]! == "libstdc++6")!;
        Assert.Equal("14.2.0-19", (string)library["versionInfo"]!);
        Assert.Equal("/usr/share/doc/libstdc++6/copyright", (string)library["licenseComments"]!);
        Assert.Equal(s_components[0].PackageUrl, (string)library["externalRefs"]![0]!["referenceLocator"]!);
        JsonNode package = packages.Single(package => (string)package!["name"]! == "Google.Protobuf")!;
        Assert.Equal("BSD-3-Clause", (string)package["licenseDeclared"]!);
    }

    [Fact]
    public void The_order_of_components_does_not_show() => Assert.Equal(
        SpdxDocument.Write(s_settings, "sha256:00ff", s_components), SpdxDocument.Write(s_settings, "sha256:00ff", s_components.Reverse()));
}
