using System.Collections.Immutable;
using Mesh.Control.Model.Keys;

namespace Mesh.Control.Model.Canonical;

/// <summary>Whose tokens requests may bear, where they stand, and what applications are told of them.</summary>
public sealed record TokenRule
{
    /// <summary>Compared with iss; empty for any.</summary>
    public required string Issuer { get; init; }

    /// <summary>One must be among the token's; none takes them all.</summary>
    public ImmutableArray<string> Audiences { get; init; } = [];

    /// <summary>The keys that are written down.</summary>
    public ImmutableArray<PublicKey> Keys { get; init; } = [];

    /// <summary>Where the keys are that are not; null when they are, or nobody knows.</summary>
    public KeyLocation? KeyLocation { get; init; }

    /// <summary>Without an entry here and in the next two, tokens are where everybody has them.</summary>
    public ImmutableArray<TokenHeader> Headers { get; init; } = [];

    /// <summary>Of the query.</summary>
    public ImmutableArray<string> Parameters { get; init; } = [];

    public ImmutableArray<string> Cookies { get; init; } = [];

    /// <summary>The header that is given the payload; empty for none.</summary>
    public string PayloadHeader { get; init; } = string.Empty;

    public ImmutableArray<ClaimHeader> ClaimHeaders { get; init; } = [];

    public bool ForwardsToken { get; init; }

    /// <summary>Claims whose text is a list of words.</summary>
    public ImmutableArray<string> ListClaims { get; init; } = [];
}

/// <param name="Name">Of the header.</param>
/// <param name="Prefix">What comes before the token.</param>
public readonly record struct TokenHeader(string Name, string Prefix);

/// <param name="Name">Of the header that is given the claim.</param>
/// <param name="Path">From the outermost name to the claim's own.</param>
public sealed record ClaimHeader(string Name, ImmutableArray<string> Path);
