using System.Formats.Tar;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Mesh.Images.Debian;
using Mesh.Images.Files;
using Mesh.Images.Oci;
using Xunit;

namespace Mesh.Images.Tests;

/// <summary>An archive is what the OCI image specification says: every descriptor leads to what it names.</summary>
public sealed class OciArchiveTests
{
    private static readonly ImageSettings s_settings = new(
        "mesh-test", "1.2.3", "A test.", ["/usr/bin/mesh-test"], "65532:65532", ["PATH=/usr/bin"], "abc",
        DateTimeOffset.FromUnixTimeSeconds(1_700_000_000));

    private static readonly Layer[] s_layers =
    [
        Layer.Pack("below", new FileTree { ["a"] = new PlainFile("a"u8.ToArray(), FileEntry.PlainMode, DateTimeOffset.UnixEpoch) }),
        Layer.Pack("above", new FileTree { ["b"] = new PlainFile("b"u8.ToArray(), FileEntry.PlainMode, DateTimeOffset.UnixEpoch) }),
    ];

    [Fact]
    public void Every_descriptor_leads_to_what_it_names()
    {
        Dictionary<string, byte[]> files = Read(Write());

        Assert.Equal("1.0.0", (string)Json(files["oci-layout"])["imageLayoutVersion"]!);
        JsonObject image = Assert.Single(Json(files["index.json"])["manifests"]!.AsArray())!.AsObject();
        Assert.Equal("docker.io/library/mesh-test:1.2.3", (string)image["annotations"]!["io.containerd.image.name"]!);
        Assert.Equal(Machine.X64.Debian, (string)image["platform"]!["architecture"]!);
        JsonObject manifest = Json(Follow(files, image));
        JsonObject config = Json(Follow(files, manifest["config"]!.AsObject()));
        Assert.Equal("2023-11-14T22:13:20Z", (string)config["created"]!);
        Assert.Equal("65532:65532", (string)config["config"]!["User"]!);
        Assert.Equal("/usr/bin/mesh-test", (string)config["config"]!["Entrypoint"]![0]!);
        Assert.Equal("abc", (string)config["config"]!["Labels"]!["org.opencontainers.image.revision"]!);
        Assert.Equal(s_layers.Select(layer => layer.DiffId), config["rootfs"]!["diff_ids"]!.AsArray().Select(id => (string)id!));
        Assert.Equal(
            s_layers.Select(layer => layer.Blob.Content), manifest["layers"]!.AsArray().Select(layer => Follow(files, layer!.AsObject())));
        Assert.Equal(7, files.Count);
    }

    [Fact]
    public void The_index_of_older_versions_of_Docker_leads_to_the_same()
    {
        Dictionary<string, byte[]> files = Read(Write());

        JsonNode image = Assert.Single(JsonNode.Parse(files["manifest.json"])!.AsArray())!;
        Assert.Equal("mesh-test:1.2.3", (string)image["RepoTags"]![0]!);
        Assert.Equal("linux", (string)Json(files[(string)image["Config"]!])["os"]!);
        Assert.Equal(s_layers.Select(layer => layer.Blob.Content), image["Layers"]!.AsArray().Select(path => files[(string)path!]));
    }

    [Fact]
    public void The_same_image_is_the_same_file() => Assert.Equal(Write(), Write());

    private static byte[] Write()
    {
        using MemoryStream stream = new();
        new OciArchive(s_settings, Machine.X64, s_layers).Write(stream);
        return stream.ToArray();
    }

    private static Dictionary<string, byte[]> Read(byte[] archive)
    {
        Dictionary<string, byte[]> files = [];
        using TarReader reader = new(new MemoryStream(archive));
        while (reader.GetNextEntry(copyData: true) is TarEntry entry)
        {
            using MemoryStream content = new();
            entry.DataStream!.CopyTo(content);
            files.Add(entry.Name, content.ToArray());
        }

        return files;
    }

    private static byte[] Follow(Dictionary<string, byte[]> files, JsonObject descriptor)
    {
        string digest = (string)descriptor["digest"]!;
        byte[] content = files["blobs/" + digest.Replace(':', '/')];
        Assert.Equal(digest, "sha256:" + Convert.ToHexStringLower(SHA256.HashData(content)));
        Assert.Equal((long)descriptor["size"]!, content.Length);
        return content;
    }

    private static JsonObject Json(byte[] content) => JsonNode.Parse(content)!.AsObject();
}
