namespace Mesh.Node.Protocols.Http;

/// <summary>What may stand in a path with its query, of either version. Pure.</summary>
internal static class TargetRules
{
    /// <summary>True for a slash and visible ASCII without a fragment.</summary>
    /// <remarks>
    /// More than RFC 3986 has: browsers leave <c>"{}|^`</c> as they are. It is less than HTTP/2's own rules, because every path must fit
    /// HTTP/1.
    /// </remarks>
    public static bool IsPath(ReadOnlySpan<byte> path) => !path.IsEmpty && path[0] == (byte)'/' && IsText(path);

    /// <summary>True for visible ASCII without a fragment, which is no part of a target (RFC 9112 §3.2).</summary>
    public static bool IsText(ReadOnlySpan<byte> text) =>
        !text.ContainsAnyExceptInRange((byte)'!', (byte)'~') && !text.Contains((byte)'#');
}
