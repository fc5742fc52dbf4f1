using System.Formats.Tar;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Mesh.Images.Debian;
using Mesh.Images.Files;

namespace Mesh.Images.Oci;

/// <summary>
/// An image in one file: an OCI image layout (OCI image specification 1.1, image-layout.md), which containerd, Podman, skopeo and crane
/// read, with the index that older versions of Docker look for.
/// </summary>
internal sealed class OciArchive
{
    private const string ConfigType = "application/vnd.oci.image.config.v1+json";
    private const string ManifestType = "application/vnd.oci.image.manifest.v1+json";
    private const string IndexType = "application/vnd.oci.image.index.v1+json";

    private readonly ImageSettings _settings;
    private readonly Machine _machine;
    private readonly IReadOnlyList<Layer> _layers;
    private readonly Blob _config;
    private readonly Blob _manifest;

    public OciArchive(ImageSettings settings, Machine machine, IReadOnlyList<Layer> layers)
    {
        _settings = settings;
        _machine = machine;
        _layers = layers;
        _config = Json(ConfigType, Config());
        _manifest = Json(ManifestType, Manifest());
    }

    /// <summary>What names this image and no other.</summary>
    public string Digest => _manifest.Digest;

    /// <summary>What a node downloads.</summary>
    public long CompressedBytes =>
        _layers.Sum(layer => (long)layer.Blob.Content.Length) + _config.Content.Length + _manifest.Content.Length;

    /// <summary>What a node keeps.</summary>
    public long ContentBytes => _layers.Sum(layer => layer.ContentBytes);

    private string Tag => $"{_settings.Name}:{_settings.Version}";

    public void Write(Stream stream)
    {
        FileTree files = new();
        Add(files, "oci-layout", new JsonObject { ["imageLayoutVersion"] = "1.0.0" });
        Add(files, "index.json", Index());
        Add(files, "manifest.json", DockerIndex());
        foreach (Blob blob in _layers.Select(layer => layer.Blob).Append(_config).Append(_manifest))
        {
            Add(files, PathOf(blob), blob.Content);
        }

        using TarWriter writer = new(stream, TarEntryFormat.Ustar, leaveOpen: true);
        foreach ((string path, FileEntry entry) in files.Entries)
        {
            writer.WriteEntry(new UstarTarEntry(TarEntryType.RegularFile, path)
            {
                Mode = entry.Mode,
                ModificationTime = entry.Time,
                DataStream = new MemoryStream(((PlainFile)entry).Content.ToArray()),
            });
        }
    }

    private JsonObject Config() => new()
    {
        ["created"] = Text(_settings.Time),
        ["architecture"] = _machine.Debian,
        ["os"] = "linux",
        ["config"] = new JsonObject
        {
            ["User"] = _settings.User,
            ["Env"] = Strings(_settings.Environment),
            ["Entrypoint"] = Strings(_settings.Entrypoint),
            ["WorkingDir"] = "/",
            ["Labels"] = Annotations(),
        },
        ["rootfs"] = new JsonObject { ["type"] = "layers", ["diff_ids"] = Strings(_layers.Select(layer => layer.DiffId)) },
        ["history"] = new JsonArray([.. _layers.Select(layer => new JsonObject
        {
            ["created"] = Text(_settings.Time),
            ["created_by"] = "mesh-images",
            ["comment"] = layer.Title,
        })]),
    };

    private JsonObject Manifest() => new()
    {
        ["schemaVersion"] = 2,
        ["mediaType"] = ManifestType,
        ["config"] = Descriptor(_config),
        ["layers"] = new JsonArray([.. _layers.Select(layer => Descriptor(layer.Blob))]),
        ["annotations"] = Annotations(),
    };

    private JsonObject Index()
    {
        JsonObject image = Descriptor(_manifest);
        image["platform"] = new JsonObject { ["architecture"] = _machine.Debian, ["os"] = "linux" };
        image["annotations"] = new JsonObject
        {
            // The name that a kubelet looks for when a manifest says no more than name and tag.
            ["io.containerd.image.name"] = "docker.io/library/" + Tag,
            ["org.opencontainers.image.ref.name"] = _settings.Version,
        };
        return new JsonObject { ["schemaVersion"] = 2, ["mediaType"] = IndexType, ["manifests"] = new JsonArray(image) };
    }

    private JsonArray DockerIndex() =>
    [
        new JsonObject
        {
            ["Config"] = PathOf(_config),
            ["RepoTags"] = Strings([Tag]),
            ["Layers"] = Strings(_layers.Select(layer => PathOf(layer.Blob))),
        },
    ];

    private JsonObject Annotations()
    {
        JsonObject annotations = new()
        {
            ["org.opencontainers.image.created"] = Text(_settings.Time),
            ["org.opencontainers.image.description"] = _settings.Description,
            ["org.opencontainers.image.title"] = _settings.Name,
            ["org.opencontainers.image.version"] = _settings.Version,
        };
        if (_settings.Revision is string revision)
        {
            annotations["org.opencontainers.image.revision"] = revision;
        }

        return annotations;
    }

    private void Add(FileTree files, string path, JsonNode content) => Add(files, path, Json("", content).Content);

    private void Add(FileTree files, string path, byte[] content) =>
        files[path] = new PlainFile(content, FileEntry.PlainMode, _settings.Time);

    private static JsonObject Descriptor(Blob blob) =>
        new() { ["mediaType"] = blob.MediaType, ["digest"] = blob.Digest, ["size"] = blob.Content.Length };

    private static Blob Json(string mediaType, JsonNode content) => new(mediaType, JsonSerializer.SerializeToUtf8Bytes(content));

    private static JsonArray Strings(IEnumerable<string> values) => new([.. values.Select(value => JsonValue.Create(value))]);

    private static string PathOf(Blob blob) => $"blobs/sha256/{blob.Hash}";

    private static string Text(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}
