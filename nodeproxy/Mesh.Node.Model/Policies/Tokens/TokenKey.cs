namespace Mesh.Node.Model.Policies.Tokens;

/// <summary>A public key of an issuer. One thread at a time.</summary>
/// <param name="id">Tokens with an identifier are verified by the key of it only; null for a key that fits every token.</param>
/// <param name="algorithm">The only algorithm it is for; null for every one that fits it.</param>
public abstract class TokenKey(string? id, TokenAlgorithm? algorithm)
{
    /// <summary>kid.</summary>
    public string? Id { get; } = id;

    /// <summary>alg.</summary>
    public TokenAlgorithm? Algorithm { get; } = algorithm;

    /// <summary>Whether the key is of the kind the algorithm asks for.</summary>
    public abstract bool Fits(TokenAlgorithm algorithm);

    /// <summary>Whether the key's owner signed the text.</summary>
    /// <param name="algorithm">One that fits.</param>
    /// <param name="text">What was signed.</param>
    /// <param name="signature">Of any length.</param>
    public abstract bool Verify(TokenAlgorithm algorithm, ReadOnlyMemory<byte> text, byte[] signature);

    /// <summary>Whether a token may be verified by it.</summary>
    /// <param name="keyId">The token's kid; null when it has none.</param>
    /// <param name="algorithm">The token's alg.</param>
    public bool IsFor(string? keyId, TokenAlgorithm algorithm) =>
        (Id is null || keyId is null || Id == keyId) && (Algorithm is null || Algorithm == algorithm) && Fits(algorithm);
}
