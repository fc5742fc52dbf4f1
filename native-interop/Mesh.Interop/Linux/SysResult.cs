using System.Runtime.InteropServices;

namespace Mesh.Interop.Linux;

/// <summary>
/// What a system call returned: a count, or the errno. EAGAIN and EINPROGRESS are results to branch on, not exceptions.
/// The value is as large as a register and never allocates.
/// </summary>
public readonly struct SysResult : IEquatable<SysResult>
{
    // A count when zero or more, the negated errno otherwise: the kernel's own encoding.
    private readonly nint _value;

    private SysResult(nint value) => _value = value;

    /// <summary>The call succeeded.</summary>
    public bool Ok => _value >= 0;

    /// <summary>What the call returned: bytes moved, or 0 where the call has nothing to count.</summary>
    /// <exception cref="PosixException">The call failed.</exception>
    public int Count => Ok ? (int)_value : throw new PosixException(Error, "A system call whose result was taken for granted");

    /// <summary>Why the call failed; <see cref="Errno.None"/> when it did not.</summary>
    public Errno Error => Ok ? Errno.None : (Errno)(int)-_value;

    /// <summary>Nothing could be done now (EAGAIN): wait for readiness and try again.</summary>
    public bool WouldBlock => _value == -(nint)Errno.EAGAIN;

    /// <summary>A connect has begun (EINPROGRESS): writability and <see cref="Sockets.TakeError"/> tell how it ended.</summary>
    public bool InProgress => _value == -(nint)Errno.EINPROGRESS;

    /// <summary>A success that counts <paramref name="count"/>.</summary>
    /// <param name="count">Zero or more.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="count"/> is negative.</exception>
    public static SysResult Success(int count = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        return new(count);
    }

    /// <summary>A failure.</summary>
    /// <param name="error">Anything but <see cref="Errno.None"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="error"/> is not an error.</exception>
    public static SysResult Failure(Errno error)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero((int)error, nameof(error));
        return new(-(nint)error);
    }

    /// <summary>The count, for a caller to whom failure is exceptional.</summary>
    /// <param name="operation">What was attempted, for the message: "bind 10.0.0.1:15001".</param>
    /// <exception cref="PosixException">The call failed.</exception>
    public int OrThrow(string operation) => Ok ? (int)_value : throw new PosixException(Error, operation);

    /// <inheritdoc/>
    public bool Equals(SysResult other) => _value == other._value;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is SysResult other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => _value.GetHashCode();

    /// <summary>Same count or same errno.</summary>
    public static bool operator ==(SysResult left, SysResult right) => left.Equals(right);

    /// <summary>Different count or errno.</summary>
    public static bool operator !=(SysResult left, SysResult right) => !left.Equals(right);

    /// <summary>The count, or the errno's name.</summary>
    public override string ToString() => Ok ? ((int)_value).ToString(System.Globalization.CultureInfo.InvariantCulture) : Error.ToString();

    /// <summary>
    /// Captures what an import returned. It must wrap the call itself: the next P/Invoke on this thread may replace the saved errno.
    /// </summary>
    internal static SysResult From(nint returned) => returned >= 0 ? new(returned) : new(-(nint)Marshal.GetLastPInvokeError());
}
