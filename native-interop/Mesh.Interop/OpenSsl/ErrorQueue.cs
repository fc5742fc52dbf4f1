using System.Runtime.InteropServices;
using System.Text;

namespace Mesh.Interop.OpenSsl;

/// <summary>
/// The calling thread's queue of OpenSSL errors. Every operation empties it first, because what an earlier one left behind would be
/// taken for its own.
/// </summary>
internal static unsafe class ErrorQueue
{
    private const int EntriesMax = 4;
    private const int EntryBytesMax = 256;

    /// <summary>Forgets what is queued. Call it immediately before an operation whose errors matter.</summary>
    internal static void Clear()
    {
        // Looking first is an eighth of the cost of a small record: OpenSSL 3.0 clears by walking all its sixteen slots, freeing three
        // fields in each, and the queue is empty nearly always.
        if (LibCrypto.ERR_peek_error() != 0)
        {
            LibCrypto.ERR_clear_error();
        }
    }

    /// <summary>Empties the queue into readable text.</summary>
    internal static string TakeText() => Take(out _);

    /// <summary>Empties the queue into readable text and says which reason of libssl stands first.</summary>
    /// <param name="sslReason">An SSL_R_ value, or 0 when libssl reported nothing.</param>
    internal static string Take(out int sslReason)
    {
        sslReason = 0;
        StringBuilder text = new();
        byte* buffer = stackalloc byte[EntryBytesMax];
        for (int entries = 0; ; entries++)
        {
            nuint error = LibCrypto.ERR_get_error_all(0, 0, 0, out byte* data, out int flags);
            if (error == 0)
            {
                break;
            }

            if (sslReason == 0 && LibraryOf(error) == LibSsl.ERR_LIB_SSL)
            {
                sslReason = ReasonOf(error);
            }

            if (entries >= EntriesMax)
            {
                continue; // Still taken off the queue, but a peer must not make our log lines long.
            }

            LibCrypto.ERR_error_string_n(error, buffer, EntryBytesMax);
            text.Append(entries == 0 ? "" : "; ").Append(Marshal.PtrToStringUTF8((nint)buffer));
            if ((flags & LibCrypto.ERR_TXT_STRING) != 0 && data is not null && *data != 0)
            {
                text.Append(" (").Append(Marshal.PtrToStringUTF8((nint)data)).Append(')');
            }
        }

        return text.Length == 0 ? "OpenSSL gave no reason" : text.ToString();
    }

    // ERR_GET_LIB and ERR_GET_REASON of openssl/err.h; system errors carry the top bit and belong to no library of OpenSSL.
    private static int LibraryOf(nuint error) => (error & 0x8000_0000) != 0 ? 0 : (int)(error >> 23) & 0xFF;

    private static int ReasonOf(nuint error) => (int)(error & 0x7F_FFFF);
}
