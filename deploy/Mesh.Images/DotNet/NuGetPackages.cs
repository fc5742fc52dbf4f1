using System.Security.Cryptography;
using System.Text.Json;
using System.Xml.Linq;
using Mesh.Images.Files;
using Mesh.Images.Sbom;

namespace Mesh.Images.DotNet;

/// <summary>The packages that a project's program is made of, as its restore has written them down.</summary>
internal sealed class NuGetPackages
{
    /// <summary>The package whose version is that of the .NET that is compiled into a native executable.</summary>
    private const string NativeCompiler = "Microsoft.DotNet.ILCompiler";

    /// <summary>How files with licences are called.</summary>
    private static readonly string[] s_licenceNames = ["LICENSE", "LICENCE", "COPYING", "NOTICE", "THIRD-PARTY-NOTICES"];

    private readonly string[] _folders;
    private readonly DateTimeOffset _time;
    private readonly Dictionary<string, string> _texts = [];

    private NuGetPackages(string[] folders, DateTimeOffset time)
    {
        _folders = folders;
        _time = time;
    }

    /// <summary>The packages of which something is in the program; tools and analyzers are not.</summary>
    public List<Component> Components { get; } = [];

    /// <summary>The texts of licences that lie in the packages.</summary>
    public FileTree Licences { get; } = new();

    /// <param name="project">The project's folder.</param>
    /// <param name="runtimeIdentifier">For which machine it is published.</param>
    /// <param name="time">The time that files are given.</param>
    /// <exception cref="ImageException">It has not been restored.</exception>
    public static NuGetPackages Of(string project, string runtimeIdentifier, DateTimeOffset time)
    {
        string file = Path.Combine(project, "obj", "project.assets.json");
        if (!File.Exists(file))
        {
            throw new ImageException($"{file} is missing, which a build writes: run ./run.sh publish.");
        }

        using JsonDocument assets = JsonDocument.Parse(File.ReadAllText(file));
        NuGetPackages packages = new(
            [.. assets.RootElement.GetProperty("packageFolders").EnumerateObject().Select(folder => folder.Name)], time);
        // What is published for the installed .NET is the same on every machine, and has one target.
        JsonProperty target = assets.RootElement.GetProperty("targets").EnumerateObject()
            .Where(candidate => !candidate.Name.Contains('/', StringComparison.Ordinal)
                || candidate.Name.EndsWith("/" + runtimeIdentifier, StringComparison.Ordinal))
            .MaxBy(candidate => candidate.Name.Length);
        foreach (JsonProperty library in target.Value.EnumerateObject())
        {
            string[] parts = library.Name.Split('/', 2);
            if (parts[0] == NativeCompiler)
            {
                packages.Components.Add(Framework("Microsoft.NETCore.App", parts[1]));
            }
            else if (library.Value.GetProperty("type").ValueEquals("package") && IsInProgram(library.Value))
            {
                packages.Add(parts[0], parts[1]);
            }
        }

        return packages;
    }

    /// <summary>A part of .NET itself.</summary>
    public static Component Framework(string name, string version) => new(
        name,
        version,
        $"pkg:nuget/{name}@{version}",
        "MIT",
        $"/{InstalledRuntime.Folder}/LICENSE.txt",
        "Organization: Microsoft",
        "https://dot.net/");

    private static bool IsInProgram(JsonElement library) =>
        library.TryGetProperty("runtime", out JsonElement runtime)
        && runtime.EnumerateObject().Any(file => !file.Name.EndsWith("_._", StringComparison.Ordinal));

    private void Add(string name, string version)
    {
        string lower = name.ToLowerInvariant();
        string folder = _folders.Select(folder => Path.Combine(folder, lower, version.ToLowerInvariant())).FirstOrDefault(Directory.Exists)
            ?? throw new ImageException($"The package {name} {version} is in none of {string.Join(", ", _folders)}: run ./run.sh publish.");
        XElement metadata = XElement.Load(Path.Combine(folder, lower + ".nuspec")).Elements()
            .First(element => element.Name.LocalName == "metadata");
        XElement? licence = Child(metadata, "license");
        string? file = licence?.Attribute("type")?.Value == "file" ? licence.Value.Trim().Replace('\\', '/') : null;
        List<string> texts = [.. Directory.EnumerateFiles(folder).Select(path => Path.GetFileName(path))
            .Where(text => s_licenceNames.Any(known => text.StartsWith(known, StringComparison.OrdinalIgnoreCase)))];
        if (file is not null && !texts.Contains(file) && File.Exists(Path.Combine(folder, file)))
        {
            texts.Add(file);
        }

        string place = $"usr/share/doc/nuget/{name}";
        foreach (string text in texts)
        {
            AddLicence($"{place}/{text}", File.ReadAllBytes(Path.Combine(folder, text)));
        }

        Components.Add(new Component(
            name,
            version,
            $"pkg:nuget/{Component.Encode(name)}@{Component.Encode(version)}",
            licence?.Attribute("type")?.Value == "expression" ? licence.Value.Trim() : null,
            texts.Count > 0 ? $"/{place}/{file ?? texts.Min(StringComparer.Ordinal)}" : Child(metadata, "licenseUrl")?.Value.Trim(),
            Child(metadata, "authors") is XElement authors ? $"Organization: {authors.Value.Trim()}" : null,
            Child(metadata, "projectUrl")?.Value.Trim()));
    }

    // Many packages have the same, and not a small one.
    private void AddLicence(string path, byte[] text) =>
        Licences[path] = _texts.TryAdd(Convert.ToHexString(SHA256.HashData(text)), path)
            ? new PlainFile(text, FileEntry.PlainMode, _time)
            : new Link("/" + _texts[Convert.ToHexString(SHA256.HashData(text))], _time);

    private static XElement? Child(XElement parent, string name) =>
        parent.Elements().FirstOrDefault(element => element.Name.LocalName == name);
}
