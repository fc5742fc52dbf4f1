using System.Buffers;
using System.Collections.Immutable;
using System.Text;

namespace Mesh.Node.Model.Policies.Requests;

/// <summary>The alternatives of a field on hosts, compiled. Immutable; any thread.</summary>
/// <remarks>
/// A client chooses whether it writes a port or a last dot, and an application may take all forms for the same host. So where a match
/// makes the policy stricter, the host alone is compared too (wide); where a match makes it looser, only the authority as it was sent.
/// </remarks>
internal sealed class HostSet
{
    /// <summary>No name of a host with a port comes near it; what is longer is taken strictly, unread.</summary>
    private const int AuthorityBytesMax = 512;

    private readonly ByteTextSet _values;
    private readonly bool _isWide;

    private HostSet(ByteTextSet values, bool isWide)
    {
        _values = values;
        _isWide = isWide;
    }

    /// <summary>Compiles a field; null when it is empty, which is no condition at all.</summary>
    /// <param name="matches">The alternatives.</param>
    /// <param name="isWide">A match makes the policy stricter.</param>
    public static HostSet? Create(ImmutableArray<TextMatch> matches, bool isWide) =>
        ByteTextSet.Create(matches, isLowered: true) is ByteTextSet values ? new HostSet(values, isWide) : null;

    /// <summary>Whether some alternative matches an authority; none matches one that is not there. No allocation.</summary>
    public bool Matches(ReadOnlySpan<byte> authority)
    {
        if (authority.IsEmpty)
        {
            return false;
        }

        Span<byte> buffer = stackalloc byte[AuthorityBytesMax];
        if (Ascii.ToLower(authority, buffer, out int lowerBytes) != OperationStatus.Done)
        {
            return _isWide;
        }

        ReadOnlySpan<byte> lower = buffer[..lowerBytes];
        return _values.Matches(lower) || (_isWide && _values.Matches(HostOf(lower)));
    }

    /// <summary>The host without its port and its last dot.</summary>
    private static ReadOnlySpan<byte> HostOf(ReadOnlySpan<byte> authority)
    {
        int colon = authority.LastIndexOf((byte)':');
        ReadOnlySpan<byte> host = colon > authority.LastIndexOf((byte)']') ? authority[..colon] : authority;
        return host.EndsWith("."u8) ? host[..^1] : host;
    }
}
