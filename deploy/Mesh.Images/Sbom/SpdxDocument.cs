using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Mesh.Images.Oci;

namespace Mesh.Images.Sbom;

/// <summary>The bill of materials of an image, in SPDX 2.3 as JSON. The same image has the same one.</summary>
internal static class SpdxDocument
{
    private const string None = "NOASSERTION";

    private static readonly JsonSerializerOptions s_readable =
        new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <param name="settings">The image's name, version and time.</param>
    /// <param name="digest">The image's digest, with `sha256:`.</param>
    /// <param name="components">What it is made of.</param>
    public static byte[] Write(ImageSettings settings, string digest, IEnumerable<Component> components)
    {
        JsonArray packages = [ImagePackage(settings, digest)];
        JsonArray relationships = [Relationship("SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-Image")];
        foreach (Component component in components.OrderBy(component => component.PackageUrl, StringComparer.Ordinal))
        {
            string id = Identifier(component);
            packages.Add((JsonNode)Package(id, component));
            relationships.Add((JsonNode)Relationship("SPDXRef-Image", "CONTAINS", id));
        }

        JsonObject document = new()
        {
            ["spdxVersion"] = "SPDX-2.3",
            ["dataLicense"] = "CC0-1.0",
            ["SPDXID"] = "SPDXRef-DOCUMENT",
            ["name"] = $"{settings.Name}-{settings.Version}",
            ["documentNamespace"] = $"https://mesh-node.io/sbom/{settings.Name}/{digest["sha256:".Length..]}",
            ["creationInfo"] = new JsonObject
            {
                ["created"] = settings.Time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture),
                ["creators"] = new JsonArray($"Tool: mesh-images-{settings.Version}"),
            },
            ["packages"] = packages,
            ["relationships"] = relationships,
        };
        return Encoding.UTF8.GetBytes(document.ToJsonString(s_readable) + "\n");
    }

    private static JsonObject ImagePackage(ImageSettings settings, string digest) => new()
    {
        ["SPDXID"] = "SPDXRef-Image",
        ["name"] = settings.Name,
        ["versionInfo"] = settings.Version,
        ["primaryPackagePurpose"] = "CONTAINER",
        ["downloadLocation"] = None,
        ["filesAnalyzed"] = false,
        ["licenseConcluded"] = None,
        ["licenseDeclared"] = None,
        ["copyrightText"] = None,
        ["externalRefs"] = new JsonArray(PackageUrl($"pkg:oci/{settings.Name}@{digest.Replace(":", "%3A", StringComparison.Ordinal)}")),
    };

    private static JsonObject Package(string id, Component component)
    {
        JsonObject package = new()
        {
            ["SPDXID"] = id,
            ["name"] = component.Name,
            ["versionInfo"] = component.Version,
            ["supplier"] = component.Supplier ?? None,
            ["downloadLocation"] = None,
            ["filesAnalyzed"] = false,
            ["licenseConcluded"] = None,
            ["licenseDeclared"] = component.Licence ?? None,
            ["copyrightText"] = None,
            ["externalRefs"] = new JsonArray(PackageUrl(component.PackageUrl)),
        };
        if (component.LicenceFile is string file)
        {
            package["licenseComments"] = file;
        }

        if (component.Homepage is string homepage)
        {
            package["homepage"] = homepage;
        }

        return package;
    }

    private static JsonObject PackageUrl(string url) => new()
    {
        ["referenceCategory"] = "PACKAGE-MANAGER",
        ["referenceType"] = "purl",
        ["referenceLocator"] = url,
    };

    private static JsonObject Relationship(string from, string kind, string to) =>
        new() { ["spdxElementId"] = from, ["relationshipType"] = kind, ["relatedSpdxElement"] = to };

    // Letters, digits, points and hyphens are all that an identifier may have.
    private static string Identifier(Component component)
    {
        string kind = component.PackageUrl["pkg:".Length..].Split('/')[0];
        IEnumerable<char> letters = $"{kind}-{component.Name}-{component.Version}"
            .Select(letter => char.IsAsciiLetterOrDigit(letter) || letter is '.' or '-' ? letter : '-');
        return "SPDXRef-" + string.Concat(letters);
    }
}
