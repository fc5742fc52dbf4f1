using Mesh.Node.Capture.Pods;

namespace Mesh.Node.Capture.Cni;

/// <summary>Enrolment by pod files: a pod is captured when there is a file that names it.</summary>
/// <param name="directory">Where the files are.</param>
internal sealed class DirectoryEnrolment(string directory) : IPodEnrolment
{
    public Task<PodSpec?> FindAsync(string podNamespace, string name, string? uid, CancellationToken cancellation) =>
        Task.FromResult(Find(podNamespace, name, uid));

    /// <remarks>By name, not by file: who writes the files may know another UID than the runtime, as of static pods.</remarks>
    private PodSpec? Find(string podNamespace, string name, string? uid)
    {
        try
        {
            foreach (string file in Directory.EnumerateFiles(directory, "*.json").Order(StringComparer.Ordinal))
            {
                if (Path.GetFileName(file)[0] != '.' && Read(file, uid) is PodSpec pod && pod.Namespace == podNamespace && pod.Name == name)
                {
                    return pod;
                }
            }

            return null;
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            throw new CaptureException($"Pod files cannot be read: {unreadable.Message}", unreadable);
        }
    }

    /// <summary>A file that is wrong names nobody but, by its own name, the pod that is asked about.</summary>
    private static PodSpec? Read(string file, string? uid)
    {
        string named = Path.GetFileNameWithoutExtension(file);
        try
        {
            return PodFileReader.Read(named, DirectoryPodSource.ReadLimited(file));
        }
        catch (FileNotFoundException)
        {
            return null;
        }
        catch (CaptureException) when (named != uid)
        {
            return null;
        }
    }
}
