namespace Mesh.Node.Protocols.Http2.Messages;

/// <summary>Why a header block is malformed.</summary>
public enum HeaderVerdict
{
    Ok,
    BadName,
    BadValue,
    UnknownPseudo,
    RepeatedPseudo,
    MissingPseudo,
    UnexpectedPseudo,
    MisplacedPseudo,
    BadPseudoValue,
    ConnectionSpecific,
    BadContentLength,
    HostMismatch,
    ListTooLarge,
}
