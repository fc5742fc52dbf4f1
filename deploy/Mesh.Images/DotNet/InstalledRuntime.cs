using Mesh.Images.Files;

namespace Mesh.Images.DotNet;

/// <summary>The .NET this program runs on: the newest patch on this machine of the release the product is built for.</summary>
internal static class InstalledRuntime
{
    /// <summary>Where it goes in an image.</summary>
    public const string Folder = "usr/share/dotnet";

    // Debugging and tracing, which need a place to write to and libraries besides.
    private static readonly string[] s_leftOut = ["createdump", "libcoreclrtraceptprovider.so", "libmscordaccore.so", "libmscordbi.so"];

    public static string Version => Path.GetFileName(SharedFolder);

    private static string SharedFolder => Path.GetDirectoryName(typeof(object).Assembly.Location)!;

    private static string Root => Path.GetFullPath(Path.Combine(SharedFolder, "..", "..", ".."));

    /// <summary>Its licences, which go also with what it is compiled into.</summary>
    /// <exception cref="ImageException">They are not there.</exception>
    public static FileTree Licences(DateTimeOffset time)
    {
        FileTree files = new();
        foreach (string file in new[] { "LICENSE.txt", "ThirdPartyNotices.txt" })
        {
            string path = Path.Combine(Root, file);
            files[$"{Folder}/{file}"] = File.Exists(path)
                ? new PlainFile(File.ReadAllBytes(path), FileEntry.PlainMode, time)
                : throw new ImageException($"{path} is missing, the licence of .NET, which goes into the images.");
        }

        return files;
    }

    /// <summary>Its host and the two frameworks of a web service.</summary>
    /// <param name="time">The time its files are given.</param>
    /// <exception cref="ImageException">A part of it is not installed.</exception>
    public static FileTree Read(DateTimeOffset time)
    {
        string root = Root;
        FileTree files = Licences(time);
        foreach (string folder in new[]
        {
            $"host/fxr/{Version}", $"shared/Microsoft.NETCore.App/{Version}", $"shared/Microsoft.AspNetCore.App/{Version}",
        })
        {
            if (!Directory.Exists(Path.Combine(root, folder)))
            {
                throw new ImageException(
                    $"{Path.Combine(root, folder)} is missing: the image takes the .NET {Version} of this machine, with ASP.NET Core.");
            }

            foreach (string file in Directory.EnumerateFiles(Path.Combine(root, folder)))
            {
                if (!s_leftOut.Contains(Path.GetFileName(file)))
                {
                    files[$"{Folder}/{folder}/{Path.GetFileName(file)}"] =
                        new PlainFile(File.ReadAllBytes(file), FileEntry.PlainMode, time);
                }
            }
        }

        return files;
    }
}
