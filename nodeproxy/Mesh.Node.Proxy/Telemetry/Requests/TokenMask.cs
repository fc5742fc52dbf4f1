namespace Mesh.Node.Proxy.Telemetry.Requests;

/// <summary>
/// Keeps tokens out of what is logged of a query: the value of <c>access_token</c> (RFC 6750 §2.3), and every value that may be a JSON Web
/// Token, whatever its name, since only the proxy at the destination knows where tokens are.
/// </summary>
internal static class TokenMask
{
    private const byte Mask = (byte)'-';

    /// <summary>Whether the query has a value that is not logged.</summary>
    public static bool IsNeeded(ReadOnlySpan<byte> path)
    {
        for (int start = path.IndexOf((byte)'?') + 1; start > 0 && start < path.Length;)
        {
            int end = EndOf(path, start);
            if (IsSecret(path[start..end], out _))
            {
                return true;
            }

            start = end + 1;
        }

        return false;
    }

    /// <summary>Writes path and query with a mask in place of each such value.</summary>
    /// <param name="path">As it came.</param>
    /// <param name="masked">Room for as much.</param>
    /// <returns>Bytes written.</returns>
    public static int Write(ReadOnlySpan<byte> path, Span<byte> masked)
    {
        int start = path.IndexOf((byte)'?') + 1;
        path[..start].CopyTo(masked);
        int bytes = start;
        while (start < path.Length)
        {
            int end = EndOf(path, start);
            ReadOnlySpan<byte> pair = path[start..end];
            bool isSecret = IsSecret(pair, out int nameBytes);
            ReadOnlySpan<byte> kept = isSecret ? pair[..(nameBytes + 1)] : pair;
            kept.CopyTo(masked[bytes..]);
            bytes += kept.Length;
            if (isSecret)
            {
                masked[bytes++] = Mask;
            }

            if (end < path.Length)
            {
                masked[bytes++] = path[end];
            }

            start = end + 1;
        }

        return bytes;
    }

    private static int EndOf(ReadOnlySpan<byte> path, int start)
    {
        int bytes = path[start..].IndexOf((byte)'&');
        return bytes < 0 ? path.Length : start + bytes;
    }

    /// <summary>
    /// The first part of a token is a JSON object in base64url: it begins as a brace does with what may follow it, a quote or white space.
    /// </summary>
    private static bool IsSecret(ReadOnlySpan<byte> pair, out int nameBytes)
    {
        nameBytes = pair.IndexOf((byte)'=');
        if (nameBytes < 0 || nameBytes + 1 == pair.Length)
        {
            return false;
        }

        ReadOnlySpan<byte> value = pair[(nameBytes + 1)..];
        bool isObject = value.StartsWith("ey"u8) || value.StartsWith("ew"u8);
        return pair[..nameBytes].SequenceEqual("access_token"u8) || (isObject && value.IndexOf((byte)'.') > 0);
    }
}
