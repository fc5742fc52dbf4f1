namespace Mesh.Node.Protocols.Tokens;

/// <summary>Why a token is not accepted.</summary>
public enum TokenFault
{
    /// <summary>It is accepted.</summary>
    None,

    /// <summary>It is not three parts with dots between them, or longer than <see cref="SignedToken.TextBytesMax"/>.</summary>
    BadForm,

    /// <summary>The header is not base64url in its one form.</summary>
    HeaderEncoding,

    /// <summary>The header is not a JSON object whose names are there once.</summary>
    HeaderJson,

    /// <summary>The header names no algorithm, or not with a text.</summary>
    AlgorithmMissing,

    /// <summary>The algorithm is none that is accepted here: none and those of shared secrets never are.</summary>
    AlgorithmUnsupported,

    /// <summary>The key's identifier is not a text.</summary>
    KeyIdentifier,

    /// <summary>The header demands that something be understood that is not (RFC 7515 §4.1.11).</summary>
    CriticalHeader,

    /// <summary>The payload is not base64url in its one form.</summary>
    PayloadEncoding,

    /// <summary>The payload is not a JSON object whose names are there once.</summary>
    PayloadJson,

    /// <summary>A registered claim (RFC 7519 §4.1) is not of its type.</summary>
    ClaimType,

    /// <summary>The signature is not base64url in its one form, or empty.</summary>
    SignatureEncoding,

    /// <summary>No rule is about its issuer.</summary>
    UnknownIssuer,

    /// <summary>Its time is over.</summary>
    Expired,

    /// <summary>Its time has not come.</summary>
    NotYetValid,

    /// <summary>It was made for others.</summary>
    AudienceNotAllowed,

    /// <summary>The issuer has no key of its identifier that its algorithm fits.</summary>
    KeyMissing,

    /// <summary>The signature is not the issuer's.</summary>
    BadSignature,

    /// <summary>The request has more tokens than anybody needs.</summary>
    TooMany,
}
