using System.Text.Json.Nodes;
using Mesh.Testing.Kubernetes;
using Xunit;

namespace Mesh.Images.Tests;

/// <summary>What is built is what the manifests of deploy ask for, by name and tag.</summary>
public sealed class ManifestTests
{
    private static readonly string s_deploy = FindFolder();

    [Theory]
    [InlineData("daemonset")]
    [InlineData("remove-cni")]
    public void Manifests_ask_for_the_images_that_are_built(string folder)
    {
        JsonObject kustomization = Read(Path.Combine(folder, "kustomization.yaml")).Single();
        Dictionary<string, JsonNode> given =
            kustomization["images"]!.AsArray().ToDictionary(image => (string)image!["name"]!, image => image!);

        string[] asked =
        [
            .. Directory.EnumerateFiles(Path.Combine(s_deploy, folder), "*.yaml").SelectMany(file => Read(file))
                .Select(manifest => manifest["spec"]?["template"]?["spec"]).OfType<JsonNode>()
                .SelectMany(pod => pod["containers"]!.AsArray().Concat(pod["initContainers"]?.AsArray() ?? []))
                .Select(container => (string)container!["image"]!).Distinct(),
        ];

        Assert.NotEmpty(asked);
        Assert.All(asked, name =>
        {
            Assert.Contains(name, ImageBuild.Names);
            Assert.Equal((name, ImageBuild.Version), ((string)given[name]["newName"]!, (string)given[name]["newTag"]!));
        });
        Assert.Equal(asked.Order(), given.Keys.Order());
    }

    private static List<JsonObject> Read(string file) => YamlManifests.Read(File.ReadAllText(Path.Combine(s_deploy, file)));

    private static string FindFolder()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Mesh.Node.sln")))
        {
            folder = folder.Parent;
        }

        Assert.NotNull(folder);
        return Path.Combine(folder.FullName, "deploy");
    }
}
