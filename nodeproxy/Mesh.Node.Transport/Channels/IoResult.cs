using Mesh.Interop.Linux;

namespace Mesh.Node.Transport.Channels;

/// <summary>What a read or write came to.</summary>
public enum IoStatus
{
    /// <summary>Bytes were moved, at least one.</summary>
    Done,

    /// <summary>Nothing can be moved now; the matching event follows once.</summary>
    WouldBlock,

    /// <summary>Reading only: the peer finished sending in good order.</summary>
    End,

    /// <summary>The channel is broken both ways; reset or close it.</summary>
    Failed,
}

/// <summary>A status and, with <see cref="IoStatus.Done"/>, how many bytes.</summary>
public readonly struct IoResult
{
    private IoResult(IoStatus status, int bytes, Errno error)
    {
        Status = status;
        Bytes = bytes;
        Error = error;
    }

    /// <summary>Nothing moved; wait for the event.</summary>
    public static IoResult WouldBlock => new(IoStatus.WouldBlock, 0, Errno.None);

    /// <summary>The peer sent everything it had to send.</summary>
    public static IoResult End => new(IoStatus.End, 0, Errno.None);

    /// <summary>How it went.</summary>
    public IoStatus Status { get; }

    /// <summary>Bytes moved; zero unless <see cref="IoStatus.Done"/>.</summary>
    public int Bytes { get; }

    /// <summary>Why it failed; <see cref="Errno.None"/> otherwise, or when the failure is not the kernel's.</summary>
    public Errno Error { get; }

    /// <summary>Some bytes moved.</summary>
    public static IoResult Done(int bytes) => new(IoStatus.Done, bytes, Errno.None);

    /// <summary>The channel is broken.</summary>
    public static IoResult Failed(Errno error) => new(IoStatus.Failed, 0, error);
}
