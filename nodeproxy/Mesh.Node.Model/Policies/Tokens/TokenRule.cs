using System.Collections.Immutable;
using System.Text;
using Mesh.Node.Model.Routing;

namespace Mesh.Node.Model.Policies.Tokens;

/// <summary>
/// Whose tokens are accepted, where they stand in requests, and what an application is told of them. Immutable; any thread. Two rules are
/// the same only if they are one instance: what was verified by one was not verified by another.
/// </summary>
public sealed class TokenRule
{
    /// <summary>Compared with iss; empty for any.</summary>
    public string Issuer { get; init; } = "";

    /// <summary>One must be among the token's; none takes them all.</summary>
    public ImmutableArray<string> Audiences { get; init; } = [];

    /// <summary>Without one nothing is accepted.</summary>
    public ImmutableArray<TokenKey> Keys { get; init; } = [];

    /// <summary>Fields that may hold a token.</summary>
    public ImmutableArray<TokenField> Fields { get; init; } = [];

    /// <summary>Parameters of the query that may hold one.</summary>
    public ImmutableArray<ByteText> Parameters { get; init; } = [];

    /// <summary>Cookies that may hold one.</summary>
    public ImmutableArray<ByteText> Cookies { get; init; } = [];

    /// <summary>The field that is given the payload, in base64url; null for none.</summary>
    public HeaderName? PayloadField { get; init; }

    /// <summary>Fields that are given claims.</summary>
    public ImmutableArray<ClaimField> ClaimFields { get; init; } = [];

    /// <summary>The application gets the token too.</summary>
    public bool ForwardsToken { get; init; }

    /// <summary>Claims whose text is a list of words, besides scope and permission.</summary>
    public ImmutableArray<string> ListClaims { get; init; } = [];

    /// <summary>Where tokens are when nobody says otherwise: Authorization, as a bearer's.</summary>
    public static TokenField DefaultField { get; } = new(new HeaderName("authorization"), new ByteText("Bearer ")) { IgnoresCase = true };

    /// <summary>And this parameter.</summary>
    public static ByteText DefaultParameter { get; } = new("access_token");
}

/// <summary>A text that is compared with bytes of requests.</summary>
/// <param name="text">As written.</param>
public sealed class ByteText(string text)
{
    private readonly byte[] _bytes = Encoding.UTF8.GetBytes(text);

    public string Text { get; } = text;

    /// <summary>In UTF-8.</summary>
    public ReadOnlySpan<byte> Bytes => _bytes;

    public override string ToString() => Text;
}

/// <summary>A field that may hold a token.</summary>
/// <param name="Name">The field's.</param>
/// <param name="Prefix">What comes before the token; a value without it is none.</param>
public sealed record TokenField(HeaderName Name, ByteText Prefix)
{
    /// <summary>The prefix is an authentication scheme, whose case means nothing (RFC 9110 §11.1).</summary>
    public bool IgnoresCase { get; init; }
}

/// <summary>A field that is given a claim.</summary>
/// <param name="Name">The field's.</param>
/// <param name="Path">Names from the outermost to the claim's own.</param>
public sealed record ClaimField(HeaderName Name, ImmutableArray<string> Path);
