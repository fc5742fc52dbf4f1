using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Mesh.Control.Cli.Definitions;
using Mesh.Control.Cli.Output;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;
using Mesh.Control.Sources.Files;

namespace Mesh.Control.Cli.Installation;

/// <summary>
/// The objects of <c>kubectl apply -k deploy/daemonset</c>: the files of that folder, which are in this program, in the order in which it
/// names them, and the definitions of kinds.
/// </summary>
internal static class InstallManifests
{
    private const string Folder = "daemonset";
    private const string DefinitionsFolder = "../crds";

    /// <param name="registry">What goes before the names of images; empty for nothing.</param>
    /// <param name="tag">Of the images; null for that of this version.</param>
    public static ImmutableArray<JsonObject> Render(string registry, string? tag)
    {
        JsonObject kustomization = Read("kustomization.yaml").Single();
        Dictionary<string, string> images = kustomization["images"]!.AsArray().ToDictionary(
            image => TextOf(image!["name"]),
            image => $"{registry}{TextOf(image!["newName"])}:{tag ?? TextOf(image["newTag"])}",
            StringComparer.Ordinal);
        ImmutableArray<JsonObject>.Builder objects = ImmutableArray.CreateBuilder<JsonObject>();
        foreach (JsonNode? resource in kustomization["resources"]!.AsArray())
        {
            IEnumerable<JsonObject> read = TextOf(resource) == DefinitionsFolder
                ? Kinds.All.Select(definition => definition.ToJson())
                : Read(TextOf(resource));
            objects.AddRange(read.Select(manifest => WithImages(manifest, images)));
        }

        return objects.ToImmutable();
    }

    private static JsonObject WithImages(JsonObject manifest, Dictionary<string, string> images)
    {
        if (manifest["spec"]?["template"]?["spec"]?["containers"] is JsonArray containers)
        {
            foreach (JsonNode? container in containers)
            {
                container!["image"] = images[TextOf(container["image"])];
            }
        }

        return manifest;
    }

    private static IEnumerable<JsonObject> Read(string file)
    {
        using Stream stream = typeof(InstallManifests).Assembly.GetManifestResourceStream($"{Folder}/{file}")
            ?? throw new InvalidOperationException($"{file} is not in this program.");
        using var text = new StreamReader(stream);
        (ImmutableArray<RawObject> objects, Diagnostic? problem) = ManifestFiles.ReadText(file, text.ReadToEnd());
        return problem is null
            ? objects.Select(source => RawJson.Of(source)!.AsObject())
            : throw new InvalidOperationException($"{problem.Origin}: {problem.Reason}");
    }

    private static string TextOf(JsonNode? node) => node!.GetValue<string>();
}
