using System.Runtime.InteropServices;
using Tmds.Linux;

namespace Mesh.Interop.Linux;

/// <summary>
/// Wakes a thread that waits in <see cref="EpollHandle.Wait"/> at even intervals, finer than the milliseconds of the wait's own timeout
/// (timerfd_create(2)). Expirations that nobody took add up; none is lost.
/// </summary>
public sealed unsafe class IntervalTimer : IDisposable
{
    private const long NanosecondsPerSecond = 1_000_000_000;

    private readonly FileDescriptorHandle _descriptor;

    /// <summary>Starts a timer; it expires first after one interval.</summary>
    /// <param name="interval">Above zero.</param>
    /// <exception cref="ArgumentOutOfRangeException">The interval is zero or negative.</exception>
    /// <exception cref="PosixException">EMFILE or ENFILE when descriptors run out; ENOMEM.</exception>
    public IntervalTimer(TimeSpan interval)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(interval, TimeSpan.Zero);
        int flags = Libc.TFD_NONBLOCK | Libc.TFD_CLOEXEC;
        _descriptor = new FileDescriptorHandle(
            SysResult.From(Libc.timerfd_create(Libc.CLOCK_MONOTONIC, flags)).OrThrow("timerfd_create"));
        long seconds = (long)interval.TotalSeconds;
        long nanoseconds = (interval.Ticks % TimeSpan.TicksPerSecond) * (NanosecondsPerSecond / TimeSpan.TicksPerSecond);
        Libc.kernel_itimerspec value = new()
        {
            interval_sec = seconds,
            interval_nsec = nanoseconds,
            value_sec = seconds,
            value_nsec = nanoseconds,
        };
        using FdLease lease = new(_descriptor);
        SysResult.From(Libc.timerfd_settime(lease.Number, 0, &value, null)).OrThrow("timerfd_settime");
    }

    /// <summary>What to register for <see cref="EpollEvents.In"/>.</summary>
    public SafeHandle Handle => _descriptor;

    /// <summary>How often the timer has expired since this was last called; 0 when it has not. Does not wait.</summary>
    /// <exception cref="ObjectDisposedException">The timer is closed.</exception>
    public long TakeExpirations()
    {
        ulong count;
        using FdLease lease = new(_descriptor);
        SysResult read = SysResult.From((nint)(long)LibC.read(lease.Number, &count, sizeof(ulong)));
        if (read.WouldBlock)
        {
            return 0;
        }

        read.OrThrow("read of a timerfd");
        return (long)count;
    }

    /// <summary>Closes the descriptor.</summary>
    public void Dispose() => _descriptor.Dispose();
}
