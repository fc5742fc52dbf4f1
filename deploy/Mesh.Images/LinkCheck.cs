using Mesh.Images.Debian;
using Mesh.Images.Files;

namespace Mesh.Images;

/// <summary>Whether every executable and library of an image will find what it is linked with.</summary>
internal static class LinkCheck
{
    /// <exception cref="ImageException">One will not; with what is missing.</exception>
    public static void Run(string image, IEnumerable<FileTree> layers, Machine machine)
    {
        FileTree all = new();
        foreach ((string path, FileEntry entry) in layers.SelectMany(layer => layer.Entries))
        {
            all[path] = entry;
        }

        foreach ((string path, FileEntry entry) in all.Entries)
        {
            if (entry is not PlainFile file || ElfImage.Read(file.Content.Span) is not ElfImage elf)
            {
                continue;
            }

            if (elf.Interpreter is string interpreter && all.Resolve(interpreter).Count == 0)
            {
                throw new ImageException($"The image {image} has no {interpreter}, which /{path} is run by.");
            }

            // Libraries of .NET look beside themselves.
            string[] folders = [$"usr/lib/{machine.Triplet}", "usr/lib", Path.GetDirectoryName(path)!];
            foreach (string name in elf.Needed.Where(name => !folders.Any(folder => all.Resolve($"{folder}/{name}").Count > 0)))
            {
                throw new ImageException($"The image {image} has no library {name}, which /{path} is linked with.");
            }
        }
    }
}
