using System.Formats.Tar;
using Mesh.Images.Files;

namespace Mesh.Images.Debian;

/// <summary>One package: what it says of itself, and its files, documentation left out.</summary>
internal sealed class DebianPackage
{
    // Of documentation only what the licences oblige to pass on.
    private static readonly string[] s_leftOut = ["usr/share/man/", "usr/share/locale/", "usr/share/info/", "usr/share/lintian/"];

    private readonly Dictionary<string, string> _fields;

    public DebianPackage(string control)
    {
        Control = control.TrimEnd('\n') + "\n";
        _fields = Control.Split('\n')
            .Where(line => line.Length > 0 && !char.IsWhiteSpace(line[0]) && line.Contains(':', StringComparison.Ordinal))
            .Select(line => line.Split(':', 2))
            .ToDictionary(parts => parts[0], parts => parts[1].Trim(), StringComparer.OrdinalIgnoreCase);
        Name = Field("Package");
        Version = Field("Version");
        Architecture = Field("Architecture");
    }

    /// <summary>Its paragraph as a text, such as stands in dpkg's database.</summary>
    public string Control { get; }

    public string Name { get; }

    public string Version { get; }

    public string Architecture { get; }

    /// <summary>The name of the package of source text it was built of.</summary>
    public string Source => _fields.TryGetValue("Source", out string? source) ? source.Split(' ')[0] : Name;

    public string? Homepage => _fields.GetValueOrDefault("Homepage");

    public FileTree Files { get; } = new();

    /// <summary>Reads a `.deb`.</summary>
    /// <exception cref="ImageException">dpkg-deb cannot read it.</exception>
    public static DebianPackage Read(string file)
    {
        DebianPackage package = new(Tool.Run("dpkg-deb", "--field", file));
        return Tool.Run("dpkg-deb", package.ReadFiles, "--fsys-tarfile", file);
    }

    /// <summary>Takes the files of an archive.</summary>
    internal DebianPackage ReadFiles(Stream archive)
    {
        using TarReader reader = new(archive, leaveOpen: true);
        while (reader.GetNextEntry() is TarEntry entry)
        {
            string path = FileTree.Canonical(entry.Name);
            if (path.Length == 0 || s_leftOut.Any(folder => path.StartsWith(folder, StringComparison.Ordinal)))
            {
                continue;
            }

            switch (entry.EntryType)
            {
                case TarEntryType.RegularFile or TarEntryType.V7RegularFile:
                    Files[path] = new PlainFile(ContentOf(entry), entry.Mode, entry.ModificationTime);
                    break;
                case TarEntryType.HardLink when Files.TryGet(entry.LinkName, out FileEntry? other):
                    Files[path] = other;
                    break;
                case TarEntryType.SymbolicLink:
                    Files[path] = new Link(entry.LinkName, entry.ModificationTime);
                    break;
                default:
                    // Folders come with what is in them; there are no devices in packages.
                    break;
            }
        }

        // dpkg-deb must not find its pipe closed while it writes the padding at the end.
        archive.CopyTo(Stream.Null);
        return this;
    }

    private static byte[] ContentOf(TarEntry entry)
    {
        using MemoryStream content = new((int)entry.Length);
        entry.DataStream?.CopyTo(content);
        return content.ToArray();
    }

    private string Field(string name) => _fields.TryGetValue(name, out string? value)
        ? value
        : throw new ImageException($"A package has no field {name}:\n{Control}");
}
