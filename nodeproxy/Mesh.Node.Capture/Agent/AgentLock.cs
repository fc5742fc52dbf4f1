namespace Mesh.Node.Capture.Agent;

/// <summary>
/// Held by the one agent of a node, beside its socket: two would undo each other's rules. The kernel lets go when the process ends.
/// </summary>
internal sealed class AgentLock : IDisposable
{
    private readonly FileStream _file;

    private AgentLock(FileStream file) => _file = file;

    /// <exception cref="CaptureException">Another agent holds it, or it cannot be made.</exception>
    public static AgentLock Take(string path)
    {
        try
        {
            // FileShare.None is flock(LOCK_EX) on Linux, which whoever may read the file could hold too.
            var file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            if (OperatingSystem.IsLinux())
            {
                File.SetUnixFileMode(file.SafeFileHandle, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            }

            return new AgentLock(file);
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            throw new CaptureException(
                $"{path} cannot be locked, probably because another agent runs on this node: {refused.Message}", refused);
        }
    }

    public void Dispose() => _file.Dispose();
}
