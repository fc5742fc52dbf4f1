namespace Mesh.Node.Protocols.Dns;

/// <summary>What a message that came to a server is.</summary>
public enum DnsQueryStatus
{
    /// <summary>One question that can be read.</summary>
    Question,

    /// <summary>A request whose header can be read and whose question cannot: it can be told so.</summary>
    Malformed,

    /// <summary>No request: too short for a header, or an answer. Nobody is to be answered.</summary>
    NoRequest,
}
