using System.Diagnostics;

namespace Mesh.Lab;

/// <summary>Whether a lab has come to rest: everything runs, answers, and is captured where it should be.</summary>
internal static class Readiness
{
    /// <summary>Waits until nothing is missing or the time is over, and returns the last status seen.</summary>
    public static async Task<LabStatus> WaitAsync(LabClient client, TimeSpan limit, CancellationToken cancellation)
    {
        long startedAt = Stopwatch.GetTimestamp();
        while (true)
        {
            LabStatus status = await client.StatusAsync(cancellation);
            bool isHopeless = status.Components.Any(component => component.State == "ended");
            if (isHopeless || !Missing(status).Any() || Stopwatch.GetElapsedTime(startedAt) > limit)
            {
                return status;
            }

            await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System, cancellation);
        }
    }

    public static IEnumerable<string> Missing(LabStatus status)
    {
        foreach (ComponentStatus component in status.Components.Where(component => !component.IsReady))
        {
            bool isRunning = component.State == "running";
            yield return isRunning ? $"{component.Name}: not ready" : $"{component.Name}: ended with status {component.ExitCode}";
        }

        foreach (PodStatus pod in status.Pods)
        {
            if (pod.IsEnrolled && !pod.IsCaptured)
            {
                yield return $"pod {pod.QualifiedName}: not captured by {pod.Node}";
            }
            else if (!pod.IsReady && pod is not { State: "ended", ExitCode: 0 })
            {
                yield return $"pod {pod.QualifiedName}: {pod.State}, not ready";
            }
        }
    }
}
