namespace Mesh.Testing;

/// <summary>Counts what code allocates once it is warm.</summary>
public static class SteadyState
{
    private const int Attempts = 5;

    /// <summary>
    /// Managed bytes this thread allocates in a run of <paramref name="rounds"/>: the least of several runs after one to warm up. What
    /// happens once, such as the runtime promoting a method, is in one run; what each round costs is in every one.
    /// </summary>
    /// <param name="rounds">Many rounds of what is measured, so that a cost met only now and then is met in each run.</param>
    public static long AllocatedBytes(Action rounds)
    {
        rounds();
        long least = long.MaxValue;
        for (int attempt = 0; attempt < Attempts && least > 0; attempt++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            rounds();
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        return least;
    }
}
