using System.Diagnostics;
using Mesh.Lab.Networking;

namespace Mesh.Lab.Holding;

/// <summary>
/// How a program gets into a namespace of the lab: a small script, because the same steps are taken from inside the lab by its holder and
/// from outside it by `lab exec`.
/// </summary>
internal static class Entry
{
    public const string RuntimeDirectory = "/run/mesh-lab";
    public const string ScriptPath = RuntimeDirectory + "/enter";

    // What stands in etc/NAMESPACE is laid over /etc in a mount namespace of the program's own.
    private const string Script =
        """
        #!/bin/sh
        # enter NAMESPACE COMMAND...: runs a command in a namespace of the lab, with that namespace's own files in /etc.
        namespace=$1
        shift
        exec nsenter --net="/run/netns/$namespace" -- unshare -m --propagation slave -- sh -c '
          for file in "$0"/*; do
            [ -e "$file" ] && [ -e "/etc/${file##*/}" ] && mount --bind "$file" "/etc/${file##*/}"
          done
          exec "$@"' "/run/mesh-lab/etc/$namespace" "$@"

        """;

    public static void WriteScript()
    {
        File.WriteAllText(ScriptPath, Script);
        File.SetUnixFileMode(ScriptPath, (UnixFileMode)0b111_101_101);
    }

    public static string EtcDirectory(string networkNamespace) => $"{RuntimeDirectory}/etc/{networkNamespace}";

    /// <summary>Writes a file of a namespace's /etc. In place, because what is mounted already is the file, not its name.</summary>
    public static void WriteEtcFile(string networkNamespace, string name, string text)
    {
        string directory = EtcDirectory(networkNamespace);
        Directory.CreateDirectory(directory);
        using var file = new FileStream(Path.Combine(directory, name), FileMode.OpenOrCreate, FileAccess.Write, FileShare.ReadWrite);
        using var writer = new StreamWriter(file);
        writer.Write(text);
        writer.Flush();
        file.SetLength(file.Position);
    }

    public static void RemoveEtcFiles(string networkNamespace)
    {
        if (Directory.Exists(EtcDirectory(networkNamespace)))
        {
            Directory.Delete(EtcDirectory(networkNamespace), recursive: true);
        }
    }

    public static ProcessStartInfo Describe(string networkNamespace, IEnumerable<string> command, string? workingDirectory = null)
    {
        Debug.Assert(File.Exists(Fabric.NamespacePath(networkNamespace)), "The namespace is made before anything enters it.");
        return new ProcessStartInfo(ScriptPath, [networkNamespace, .. command]) { WorkingDirectory = workingDirectory ?? "/" };
    }
}
