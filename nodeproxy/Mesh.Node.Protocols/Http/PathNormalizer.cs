using System.Buffers;

namespace Mesh.Node.Protocols.Http;

/// <summary>
/// Brings a path to the form that policy and routes see and that is forwarded, so that all of them and the application mean the same.
/// Pure; allocates nothing; what is normal stays as it is.
/// </summary>
/// <remarks>
/// An escape nobody can read and an escaped NUL are refused: those who come after would disagree on what they are, and undoing an escape
/// beside a broken one could make a new one. Segments of dots that lead above the root stay at the root (RFC 3986 §5.2.4). The case of
/// escapes that stay is left alone.
/// </remarks>
public static class PathNormalizer
{
    private const int EscapeBytes = 3;

    private static readonly SearchValues<byte> s_unreserved =
        SearchValues.Create("-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"u8);

    /// <summary>Normalises a path; its query, from the first question mark on, stays as it is.</summary>
    /// <param name="path">
    /// What a request asks for. What does not begin with a slash, the asterisk of OPTIONS say, is no path and stays as it is.
    /// </param>
    /// <param name="kind">How far.</param>
    /// <param name="destination">At least as long as the path; may be the same memory, from its beginning.</param>
    /// <param name="writtenBytes">Never more than the path has.</param>
    /// <returns>False for a path that must be refused with 400; what the destination holds then means nothing.</returns>
    /// <exception cref="ArgumentException">The destination is shorter than the path.</exception>
    public static bool TryNormalize(ReadOnlySpan<byte> path, PathNormalization kind, Span<byte> destination, out int writtenBytes)
    {
        if (destination.Length < path.Length)
        {
            throw new ArgumentException("It is shorter than the path.", nameof(destination));
        }

        int queryStart = path.IndexOf((byte)'?');
        int pathBytes = queryStart < 0 ? path.Length : queryStart;
        writtenBytes = pathBytes;
        if (IsNormal(path[..pathBytes], kind))
        {
            path.CopyTo(destination);
            writtenBytes = path.Length;
            return true;
        }

        if (!TryResolve(path[..pathBytes], kind == PathNormalization.DecodeAndMergeSlashes, destination, out writtenBytes))
        {
            return false;
        }

        if (kind is PathNormalization.MergeSlashes or PathNormalization.DecodeAndMergeSlashes)
        {
            writtenBytes = MergeSlashes(destination[..writtenBytes]);
        }

        path[pathBytes..].CopyTo(destination[writtenBytes..]);
        writtenBytes += path.Length - pathBytes;
        return true;
    }

    /// <summary>True where there is nothing to do, by a look at what nearly all paths do not have.</summary>
    private static bool IsNormal(ReadOnlySpan<byte> path, PathNormalization kind) =>
        kind == PathNormalization.None
        || path.IsEmpty
        || path[0] != (byte)'/'
        || (!path.ContainsAny((byte)'%', (byte)'\\')
            && path.IndexOf("/."u8) < 0
            && (kind == PathNormalization.Base || path.IndexOf("//"u8) < 0));

    /// <summary>Undoes escapes and resolves segments of dots. Reads at or after where it writes, so both may be the same memory.</summary>
    private static bool TryResolve(ReadOnlySpan<byte> path, bool decodesSlashes, Span<byte> output, out int written)
    {
        output[0] = (byte)'/';
        written = 1;
        int segmentStart = 1;
        int read = 1;
        while (read < path.Length)
        {
            byte value = path[read];
            int valueBytes = 1;
            if (value == (byte)'%')
            {
                if (!TryReadEscape(path[read..], out byte escaped) || escaped == 0)
                {
                    return false;
                }

                bool isSlash = escaped is (byte)'/' or (byte)'\\';
                bool isUndone = s_unreserved.Contains(escaped) || (decodesSlashes && isSlash);
                if (!isUndone)
                {
                    path.Slice(read, EscapeBytes).CopyTo(output[written..]);
                    written += EscapeBytes;
                    read += EscapeBytes;
                    continue;
                }

                value = escaped;
                valueBytes = EscapeBytes;
            }

            read += valueBytes;
            if (value is (byte)'/' or (byte)'\\')
            {
                if (!TryDropDots(output, ref segmentStart, ref written))
                {
                    output[written++] = (byte)'/';
                    segmentStart = written;
                }
            }
            else
            {
                output[written++] = value;
            }
        }

        TryDropDots(output, ref segmentStart, ref written);
        return true;
    }

    /// <summary>Takes the last segment away where it is one dot, and the one before it too where it is two; their slash stays.</summary>
    private static bool TryDropDots(ReadOnlySpan<byte> output, ref int segmentStart, ref int written)
    {
        ReadOnlySpan<byte> segment = output[segmentStart..written];
        if (segment.SequenceEqual(".."u8))
        {
            segmentStart = output[..(segmentStart - 1)].LastIndexOf((byte)'/') + 1;
            segmentStart = Math.Max(segmentStart, 1);
        }
        else if (!segment.SequenceEqual("."u8))
        {
            return false;
        }

        written = segmentStart;
        return true;
    }

    private static bool TryReadEscape(ReadOnlySpan<byte> text, out byte value)
    {
        if (text.Length < EscapeBytes || !char.IsAsciiHexDigit((char)text[1]) || !char.IsAsciiHexDigit((char)text[2]))
        {
            value = 0;
            return false;
        }

        value = (byte)((HexValue(text[1]) << 4) | HexValue(text[2]));
        return true;
    }

    /// <summary>Of a digit: its low four bits; letters of either case follow 9 by the same bits and nine.</summary>
    private static int HexValue(byte digit) => (digit & 0xF) + (digit > (byte)'9' ? 9 : 0);

    private static int MergeSlashes(Span<byte> path)
    {
        int written = 0;
        foreach (byte value in path)
        {
            if (value != (byte)'/' || written == 0 || path[written - 1] != (byte)'/')
            {
                path[written++] = value;
            }
        }

        return written;
    }
}
