using System.Buffers.Text;
using System.Security.Cryptography;

namespace Mesh.Node.Protocols.Http;

/// <summary>
/// The key and its answer, which a WebSocket has in HTTP/1.1 (RFC 6455 §4) and not in HTTP/2 (RFC 8441 §5): who translates makes them up.
/// Pure.
/// </summary>
public static class WebSocketHandshake
{
    /// <summary>Random bytes of a key.</summary>
    public const int NonceBytes = 16;

    /// <summary>Bytes of a key: sixteen in base64.</summary>
    public const int KeyBytes = 24;

    /// <summary>Bytes of an answer: a hash in base64.</summary>
    public const int AcceptBytes = 28;

    /// <summary>Gives a request the key that an HTTP/1.1 server demands, in the place of one it may have.</summary>
    /// <param name="nonce"><see cref="NonceBytes"/> random bytes. They keep nothing secret.</param>
    /// <param name="fields">Of the request.</param>
    public static void SetKey(ReadOnlySpan<byte> nonce, HeaderList fields)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(nonce.Length, NonceBytes);
        ArgumentNullException.ThrowIfNull(fields);
        Span<byte> key = stackalloc byte[KeyBytes];
        Base64.EncodeToUtf8(nonce, key, out _, out _);
        fields.Set("sec-websocket-key"u8, key);
    }

    /// <summary>Gives a response the answer that an HTTP/1.1 client waits for, in the place of one it may have.</summary>
    /// <param name="key">The client's sec-websocket-key.</param>
    /// <param name="fields">Of the response.</param>
    /// <returns>False when the key is none, and so the request was no handshake.</returns>
    public static bool TrySetAccept(ReadOnlySpan<byte> key, HeaderList fields)
    {
        ArgumentNullException.ThrowIfNull(fields);
        Span<byte> nonce = stackalloc byte[KeyBytes];
        if (key.Length != KeyBytes || Base64.DecodeFromUtf8(key, nonce, out _, out int bytes) != System.Buffers.OperationStatus.Done
            || bytes != NonceBytes)
        {
            return false;
        }

        ReadOnlySpan<byte> suffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"u8;
        Span<byte> text = stackalloc byte[KeyBytes + suffix.Length];
        key.CopyTo(text);
        suffix.CopyTo(text[KeyBytes..]);
        Span<byte> hash = stackalloc byte[SHA1.HashSizeInBytes];
#pragma warning disable CA5350 // RFC 6455 §4.2.2 says SHA-1. It protects nothing: it shows that the other side speaks the protocol.
        SHA1.HashData(text, hash);
#pragma warning restore CA5350
        Span<byte> accept = stackalloc byte[AcceptBytes];
        Base64.EncodeToUtf8(hash, accept, out _, out _);
        fields.Set("sec-websocket-accept"u8, accept);
        return true;
    }
}
