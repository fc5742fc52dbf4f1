using Mesh.Interop.Linux;

namespace Mesh.Interop.OpenSsl;

/// <summary>The transport below a <see cref="TlsSession"/>. Called on the thread that called the session, from within that call.</summary>
/// <remarks>
/// Implementations neither block nor dispose the session from within a call. What they throw ends the operation and reaches its caller.
/// </remarks>
public interface ITlsIo
{
    /// <summary>Takes bytes off the transport.</summary>
    /// <param name="destination">OpenSSL's own buffer: valid during the call only. Never empty.</param>
    /// <returns>The count, where 0 is the peer's end; EAGAIN when nothing is there yet; or the errno.</returns>
    SysResult Receive(Span<byte> destination);

    /// <summary>Puts bytes on the transport.</summary>
    /// <param name="source">Ciphertext: valid during the call only. Never empty.</param>
    /// <returns>How many bytes were taken, at least one; EAGAIN when none can be taken now; or the errno.</returns>
    SysResult Send(ReadOnlySpan<byte> source);
}
