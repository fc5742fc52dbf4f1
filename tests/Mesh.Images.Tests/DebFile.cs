using Mesh.Images.Debian;

namespace Mesh.Images.Tests;

/// <summary>Makes small packages with dpkg-deb, as Debian's are made.</summary>
internal static class DebFile
{
    /// <summary>Builds a package of files, given as path and content; with `-> ` before the content, a link.</summary>
    /// <returns>The `.deb`.</returns>
    public static string Make(DirectoryInfo folder, string name, string fields, params (string Path, string Content)[] files)
    {
        DirectoryInfo tree = folder.CreateSubdirectory("tree-" + name);
        tree.CreateSubdirectory("DEBIAN");
        File.WriteAllText(
            Path.Combine(tree.FullName, "DEBIAN", "control"),
            $"Package: {name}\nVersion: 1:2.0-3\nArchitecture: {Machine.Current.Debian}\n"
            + $"Maintainer: nobody\n{fields}Description: a test\n");
        foreach ((string path, string content) in files)
        {
            string full = Path.Combine(tree.FullName, path);
            Directory.CreateDirectory(Path.GetDirectoryName(full)!);
            if (content.StartsWith("-> ", StringComparison.Ordinal))
            {
                File.CreateSymbolicLink(full, content[3..]);
            }
            else if (content.StartsWith("copy ", StringComparison.Ordinal))
            {
                File.Copy(content[5..], full);
            }
            else
            {
                File.WriteAllText(full, content);
            }
        }

        string deb = Path.Combine(folder.FullName, name + ".deb");
        Tool.Run("dpkg-deb", "--root-owner-group", "--build", tree.FullName, deb);
        return deb;
    }
}
