using Tmds.Linux;

namespace Mesh.Interop.Linux;

/// <summary>A pipe as the buffer between two splices (pipe(7)). Both ends are non-blocking and close-on-exec.</summary>
public sealed unsafe class PipePair : IDisposable
{
    private PipePair(int readEnd, int writeEnd, int capacityBytes)
    {
        ReadEnd = new FileDescriptorHandle(readEnd);
        WriteEnd = new FileDescriptorHandle(writeEnd);
        CapacityBytes = capacityBytes;
    }

    /// <summary>What the pipe can hold if every page is full; splice fills pages partly, so it may report full with less.</summary>
    public int CapacityBytes { get; }

    internal FileDescriptorHandle ReadEnd { get; }

    internal FileDescriptorHandle WriteEnd { get; }

    /// <summary>Opens a pipe and asks for a capacity (pipe2(2), F_SETPIPE_SZ of fcntl(2)).</summary>
    /// <param name="capacityBytes">At least 1; the kernel rounds up to a power of two of pages.</param>
    /// <param name="pair">The pipe on success, perhaps with less capacity: look at <see cref="CapacityBytes"/>.</param>
    /// <returns>
    /// EMFILE or ENFILE when descriptors run out. Being refused the capacity is no failure: above fs.pipe-max-size, or when the user's
    /// pipes hold fs.pipe-user-pages-soft pages (64 MiB by default), a process without CAP_SYS_RESOURCE keeps what it was given.
    /// </returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="capacityBytes"/> is below 1.</exception>
    public static SysResult TryOpen(int capacityBytes, out PipePair? pair)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(capacityBytes, 1);
        int* ends = stackalloc int[2];
        SysResult opened = SysResult.From(LibC.pipe2(ends, LibC.O_NONBLOCK | LibC.O_CLOEXEC));
        if (!opened.Ok)
        {
            pair = null;
            return opened;
        }

        SysResult capacity = SysResult.From(LibC.fcntl(ends[1], LibC.F_SETPIPE_SZ, capacityBytes));
        if (!capacity.Ok)
        {
            capacity = SysResult.From(LibC.fcntl(ends[1], LibC.F_GETPIPE_SZ));
        }

        pair = new PipePair(ends[0], ends[1], capacity.Count);
        return opened;
    }

    /// <summary>Closes both ends; bytes inside are gone.</summary>
    public void Dispose()
    {
        ReadEnd.Dispose();
        WriteEnd.Dispose();
    }
}
