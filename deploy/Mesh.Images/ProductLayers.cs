using Mesh.Images.Debian;
using Mesh.Images.DotNet;
using Mesh.Images.Files;
using Mesh.Images.Sbom;

namespace Mesh.Images;

/// <summary>The layers with what `./run.sh publish` has made.</summary>
/// <param name="options">Where that is, and what time it is given.</param>
/// <param name="machine">What it is published for.</param>
internal sealed class ProductLayers(BuildOptions options, Machine machine)
{
    // Symbols and documentation of the code: whoever needs them has them where it was built.
    private static readonly string[] s_leftOut = [".dbg", ".pdb", ".xml"];

    /// <summary>A native executable of its own project.</summary>
    /// <exception cref="ImageException">It is not published.</exception>
    public PlainFile Executable(string name) => new(Read(Published(name, name)), FileEntry.ProgramMode, options.Time);

    /// <summary>A layer with one native executable.</summary>
    /// <param name="name">Its name, which is that of its folder among what is published.</param>
    /// <param name="project">Its project's folder.</param>
    public ImageLayer Native(string name, string project)
    {
        FileTree files = InstalledRuntime.Licences(options.Time);
        files[$"usr/bin/{name}"] = Executable(name);
        return Pack(name, project, files, []);
    }

    /// <summary>A layer with a program that runs on the image's .NET, and a link to it where programs are looked for.</summary>
    /// <param name="name">Its name, which is that of its folder among what is published.</param>
    /// <param name="project">Its project's folder.</param>
    public ImageLayer Managed(string name, string project)
    {
        FileTree files = new();
        string executable = Published(name, name);
        foreach (string path in Directory.EnumerateFiles(Path.GetDirectoryName(executable)!))
        {
            string file = Path.GetFileName(path);
            if (!s_leftOut.Contains(Path.GetExtension(file)))
            {
                files[$"usr/lib/{name}/{file}"] =
                    new PlainFile(Read(path), file == name ? FileEntry.ProgramMode : FileEntry.PlainMode, options.Time);
            }
        }

        files[$"usr/bin/{name}"] = new Link($"../lib/{name}/{name}", options.Time);
        return Pack(name, project, files, []);
    }

    private ImageLayer Pack(string name, string project, FileTree files, IEnumerable<Component> others)
    {
        NuGetPackages packages = NuGetPackages.Of(Path.Combine(options.Root, project), machine.RuntimeIdentifier, options.Time);
        foreach ((string path, FileEntry licence) in packages.Licences.Entries)
        {
            files[path] = licence;
        }

        files[$"usr/share/doc/{name}/LICENSE"] =
            new PlainFile(Read(Path.Combine(options.Root, "LICENSE")), FileEntry.PlainMode, options.Time);
        return ImageLayer.Pack(name, files, [.. packages.Components, .. others]);
    }

    private string Published(string folder, string file) => Path.Combine(options.Root, "artifacts", "publish", folder, file);

    private static byte[] Read(string path) => File.Exists(path)
        ? File.ReadAllBytes(path)
        : throw new ImageException($"{path} is missing: run ./run.sh publish.");
}
