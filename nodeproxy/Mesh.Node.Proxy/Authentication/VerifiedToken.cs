using System.Collections.Immutable;
using System.Text;
using Mesh.Node.Model.Policies.Requests;
using Mesh.Node.Model.Policies.Tokens;
using Mesh.Node.Protocols.Tokens;

namespace Mesh.Node.Proxy.Authentication;

/// <summary>A token that a rule has accepted: what it says is true until it expires. Immutable; any thread.</summary>
internal sealed class VerifiedToken : IRequestIdentity
{
    /// <summary>How far apart the clocks of an issuer and of this node may be.</summary>
    public const int ClockSkewSeconds = 60;

    /// <summary>A claim that is longer is not told to the application.</summary>
    private const int FieldBytesMax = 8 * 1024;

    private static readonly string[] s_listClaims = ["scope", "permission"];

    private readonly string[] _audiences;
    private readonly ClaimTree _claims;
    private readonly double? _expiresAt;
    private readonly double? _notBefore;

    /// <param name="rule">What accepted it.</param>
    /// <param name="token">As it was read. Not kept.</param>
    public VerifiedToken(TokenRule rule, SignedToken token)
    {
        Rule = rule;
        Issuer = token.Issuer ?? "";
        Principal = token is { Issuer: { Length: > 0 } issuer, Subject: { Length: > 0 } subject } ? $"{issuer}/{subject}" : "";
        Presenter = token.Presenter;
        _audiences = [.. token.Audiences];
        _expiresAt = token.ExpiresAt;
        _notBefore = token.NotBefore;
        _claims = ClaimTree.Of(token.Claims, [.. s_listClaims, .. rule.ListClaims]);
        Payload = rule.PayloadField is null ? [] : [.. token.PayloadText.Span];
        ClaimValues = [.. rule.ClaimFields.Select(field => FieldValueOf(_claims.Find(field.Path.AsSpan())?.Text))];
    }

    /// <summary>What accepted it.</summary>
    public TokenRule Rule { get; }

    /// <summary>iss; empty when it has none.</summary>
    public string Issuer { get; }

    /// <inheritdoc/>
    public string Principal { get; }

    /// <inheritdoc/>
    public ReadOnlySpan<string> Audiences => _audiences;

    /// <inheritdoc/>
    public string? Presenter { get; }

    /// <summary>As the rule's payload field is given it; empty where it has none.</summary>
    public byte[] Payload { get; }

    /// <summary>As the rule's claim fields are given them, in order; null for a claim that is not there or cannot be a value.</summary>
    public ImmutableArray<byte[]?> ClaimValues { get; }

    /// <inheritdoc/>
    public ReadOnlySpan<string> ValuesOf(ReadOnlySpan<string> path) => _claims.Find(path) is ClaimTree claim ? claim.Values : [];

    /// <summary>Whether its time is now.</summary>
    /// <param name="nowSeconds">In seconds of Unix.</param>
    public TokenFault FaultAt(double nowSeconds) => FaultAt(_expiresAt, _notBefore, nowSeconds);

    /// <summary>
    /// Whether another rule refuses the very same token by what it says. None is no acceptance: its signature was verified by this rule's
    /// keys.
    /// </summary>
    public TokenFault FaultUnder(TokenRule other) => FaultUnder(other, Issuer, _audiences);

    /// <inheritdoc cref="FaultAt(double)"/>
    public static TokenFault FaultAt(double? expiresAt, double? notBefore, double nowSeconds) =>
        expiresAt + ClockSkewSeconds < nowSeconds ? TokenFault.Expired
        : notBefore - ClockSkewSeconds > nowSeconds ? TokenFault.NotYetValid
        : TokenFault.None;

    /// <summary>Whether a rule refuses a token by whom it is from and for.</summary>
    public static TokenFault FaultUnder(TokenRule rule, string? issuer, ReadOnlySpan<string> audiences)
    {
        if (rule.Issuer.Length > 0 && rule.Issuer != issuer)
        {
            return TokenFault.UnknownIssuer;
        }

        if (rule.Audiences.IsEmpty)
        {
            return TokenFault.None;
        }

        foreach (string audience in audiences)
        {
            if (rule.Audiences.AsSpan().Contains(audience))
            {
                return TokenFault.None;
            }
        }

        return TokenFault.AudienceNotAllowed;
    }

    private static byte[]? FieldValueOf(string? text)
    {
        // What could end a field or hide in it is in no claim that means well.
        if (string.IsNullOrEmpty(text) || text.AsSpan().ContainsAnyInRange('\0', '\x1f') || text.Contains('\x7f', StringComparison.Ordinal)
            || text[0] == ' ' || text[^1] == ' ')
        {
            return null;
        }

        byte[] bytes = Encoding.UTF8.GetBytes(text);
        return bytes.Length <= FieldBytesMax ? bytes : null;
    }
}
