namespace Mesh.Node.Protocols.Dns;

/// <summary>What an answer says of its question (RFC 1035 section 4.1.1, RFC 6891).</summary>
public enum DnsCode
{
    /// <summary>No error. Without records: the name exists and has none of the type.</summary>
    None = 0,

    /// <summary>The question cannot be read.</summary>
    FormatError = 1,

    /// <summary>The server could not do what it was asked.</summary>
    ServerFailure = 2,

    /// <summary>The name does not exist.</summary>
    NoSuchName = 3,

    /// <summary>The version of EDNS is not spoken; needs the pseudo-record.</summary>
    BadVersion = 16,
}
