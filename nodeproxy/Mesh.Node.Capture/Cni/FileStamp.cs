using Microsoft.Win32.SafeHandles;

namespace Mesh.Node.Capture.Cni;

/// <summary>By what a file is seen to be another than before, without reading it.</summary>
/// <param name="LengthBytes">How long it is.</param>
/// <param name="ChangedAt">When it was written last.</param>
internal readonly record struct FileStamp(long LengthBytes, DateTime ChangedAt)
{
    /// <exception cref="IOException">It is not there, or cannot be read.</exception>
    public static FileStamp Of(string path)
    {
        // Of what a link leads to, which the link's own time and length say nothing of.
        using SafeFileHandle file = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        return new FileStamp(RandomAccess.GetLength(file), File.GetLastWriteTimeUtc(file));
    }
}
