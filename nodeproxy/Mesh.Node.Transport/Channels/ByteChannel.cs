using Mesh.Interop.Linux;
using Mesh.Node.Transport.EventLoops;

namespace Mesh.Node.Transport.Channels;

/// <summary>A non-blocking byte stream in both directions that lives on one loop: plain TCP, or TLS over it.</summary>
/// <remarks>
/// Relays work on channels and hold no buffer of their own while nothing waits. Whatever ends a channel, exactly one of
/// <see cref="Close"/> and <see cref="Reset"/> is called, once; both are harmless afterwards.
/// </remarks>
public abstract class ByteChannel(EventLoop loop)
{
    /// <summary>The loop every member belongs to.</summary>
    public EventLoop Loop { get; } = loop;

    /// <summary>Who is told about readiness. Null keeps edges until somebody takes over.</summary>
    public IChannelEvents? Events { get; set; }

    /// <summary>Whether <see cref="Close"/> or <see cref="Reset"/> was called.</summary>
    public abstract bool IsClosed { get; }

    /// <summary>Whether bytes accepted by <see cref="Write"/> still wait inside the channel (never for plain TCP).</summary>
    public abstract bool HasUnsentBytes { get; }

    /// <summary>Takes what has arrived.</summary>
    public abstract IoResult Read(Span<byte> destination);

    /// <summary>Hands over bytes; fewer than given may be taken.</summary>
    public abstract IoResult Write(ReadOnlySpan<byte> source);

    /// <summary>Says that nothing more will be written (FIN); reading goes on. Bytes accepted before are sent first.</summary>
    public abstract void CloseWrite();

    /// <summary>Ends both directions in good order; unread input makes the kernel send a reset, as TCP asks.</summary>
    public abstract void Close();

    /// <summary>Ends both directions at once with RST, so the peer cannot mistake it for a complete stream.</summary>
    public abstract void Reset();

    /// <summary>The error the kernel holds for this channel, cleared by reading it.</summary>
    public abstract Errno TakeError();
}
