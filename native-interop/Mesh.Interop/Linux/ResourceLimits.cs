namespace Mesh.Interop.Linux;

/// <summary>Limits of this process (getrlimit(2)).</summary>
public static unsafe class ResourceLimits
{
    /// <summary>
    /// Raises the limit on open descriptors as far as the process may without privilege: to the hard limit. May be repeated.
    /// </summary>
    /// <returns>How many descriptors the process may have open now; what a connection budget is made from.</returns>
    /// <exception cref="PosixException">EPERM when the hard limit is above fs.nr_open.</exception>
    public static long RaiseOpenFiles()
    {
        Libc.rlimit64 limit = ReadOpenFiles();
        if (limit.rlim_cur < limit.rlim_max)
        {
            limit.rlim_cur = limit.rlim_max;
            SysResult.From(Libc.setrlimit(Libc.RLIMIT_NOFILE, &limit)).OrThrow("setrlimit RLIMIT_NOFILE");
        }

        // RLIM_INFINITY is all ones; the kernel never allows it here, but the type could hold it.
        return limit.rlim_cur > long.MaxValue ? long.MaxValue : (long)limit.rlim_cur;
    }

    internal static Libc.rlimit64 ReadOpenFiles()
    {
        Libc.rlimit64 limit;
        SysResult.From(Libc.getrlimit(Libc.RLIMIT_NOFILE, &limit)).OrThrow("getrlimit RLIMIT_NOFILE");
        return limit;
    }

    /// <summary>For tests that must run out of descriptors.</summary>
    internal static void SetOpenFiles(Libc.rlimit64 limit) =>
        SysResult.From(Libc.setrlimit(Libc.RLIMIT_NOFILE, &limit)).OrThrow("setrlimit RLIMIT_NOFILE");
}
