namespace Mesh.Node.Model.Policies.Tokens;

/// <summary>How a token may be signed (RFC 7518 §3.1, RFC 8037). What is not here is refused: none, and every shared secret.</summary>
public enum TokenAlgorithm
{
    RS256,
    RS384,
    RS512,
    PS256,
    PS384,
    PS512,
    ES256,
    ES384,
    ES512,
    EdDSA,
}

/// <summary>Names of <see cref="TokenAlgorithm"/>.</summary>
public static class TokenAlgorithms
{
    private static readonly Dictionary<string, TokenAlgorithm> s_byName =
        Enum.GetValues<TokenAlgorithm>().ToDictionary(algorithm => algorithm.ToString(), StringComparer.Ordinal);

    /// <summary>Finds an algorithm by its name; names differ by case.</summary>
    public static bool TryParse(string name, out TokenAlgorithm algorithm) => s_byName.TryGetValue(name, out algorithm);
}
