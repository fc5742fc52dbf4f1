namespace Mesh.Node.Protocols.Http;

/// <summary>How far paths are brought to one form before policy and routes look at them (MeshConfig's pathNormalization).</summary>
public enum PathNormalization
{
    /// <summary>
    /// Escapes of characters that need none are undone, <c>\</c> becomes <c>/</c>, and segments of dots are resolved (RFC 3986 §6.2.2).
    /// The default.
    /// </summary>
    Base,

    /// <summary>As it came.</summary>
    None,

    /// <summary>As <see cref="Base"/>, and slashes in a row become one afterwards.</summary>
    MergeSlashes,

    /// <summary>As <see cref="MergeSlashes"/>, where %2F and %5C have become slashes before anything else.</summary>
    DecodeAndMergeSlashes,
}
