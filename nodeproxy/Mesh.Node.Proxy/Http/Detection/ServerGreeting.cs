using Mesh.Node.Transport.Channels;

namespace Mesh.Node.Proxy.Http.Detection;

/// <summary>What a server has said before its client did.</summary>
internal static class ServerGreeting
{
    private const int FrameHeaderBytes = 9;
    private const int SettingBytes = 6;
    private const byte SettingsType = 4;

    /// <summary>
    /// Whether it may be the SETTINGS that a server of HTTP/2 may send at once (RFC 9113 §3.4), and which say nothing about its client:
    /// that one still begins with the preface. Nothing is taken from the channel.
    /// </summary>
    /// <param name="server">The server's connection, on its loop.</param>
    /// <returns>True too when nothing has come; false when it is something else, or the end.</returns>
    public static bool MayBeSettings(TcpChannel server)
    {
        Span<byte> first = stackalloc byte[FrameHeaderBytes];
        IoResult peeked = server.Peek(first);
        return peeked.Status == IoStatus.WouldBlock
            || (peeked.Status == IoStatus.Done && !server.IsPeerFinished && MayBeSettings(first[..peeked.Bytes]));
    }

    /// <summary>The same of the first bytes, at most the nine of a frame's header, of which some may be missing.</summary>
    public static bool MayBeSettings(ReadOnlySpan<byte> first)
    {
        // No server says as much in its settings as would need the first of the three bytes of the length.
        bool isLength = first.Length < 3 || (first[0] == 0 && ((first[1] << 8) | first[2]) % SettingBytes == 0);
        bool isKind = (first.Length < 4 || first[3] == SettingsType) && (first.Length < 5 || first[4] == 0);
        return first.Length > 0 && first[0] == 0 && isLength && isKind && first[Math.Min(5, first.Length)..].IndexOfAnyExcept((byte)0) < 0;
    }
}
