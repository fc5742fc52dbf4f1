using Mesh.Node.Model.Policies.Tokens;
using Mesh.Node.Protocols.Tokens;

namespace Mesh.Node.Proxy.Authentication;

/// <summary>Decides whether a rule accepts a token. Costs as much as a signature: not for a loop.</summary>
internal static class TokenVerification
{
    /// <param name="text">The token alone; not to change meanwhile.</param>
    /// <param name="rule">The rule.</param>
    /// <param name="nowSeconds">In seconds of Unix.</param>
    /// <param name="fault">Why it is not accepted; <see cref="TokenFault.None"/> when it is.</param>
    /// <returns>The token; null when it is not accepted.</returns>
    public static VerifiedToken? Verify(ReadOnlyMemory<byte> text, TokenRule rule, double nowSeconds, out TokenFault fault)
    {
        if (!SignedToken.TryRead(text, out SignedToken? token, out fault))
        {
            return null;
        }

        using (token)
        {
            // What costs nothing comes first: the signature of a token that is of no use is not looked at.
            fault = !TokenAlgorithms.TryParse(token.Algorithm, out TokenAlgorithm algorithm) ? TokenFault.AlgorithmUnsupported
                : VerifiedToken.FaultAt(token.ExpiresAt, token.NotBefore, nowSeconds);
            if (fault == TokenFault.None)
            {
                fault = VerifiedToken.FaultUnder(rule, token.Issuer, token.Audiences.AsSpan());
            }

            if (fault == TokenFault.None)
            {
                fault = FaultOfSignature(token, rule, algorithm);
            }

            return fault == TokenFault.None ? new VerifiedToken(rule, token) : null;
        }
    }

    private static TokenFault FaultOfSignature(SignedToken token, TokenRule rule, TokenAlgorithm algorithm)
    {
        TokenFault fault = TokenFault.KeyMissing;
        foreach (TokenKey key in rule.Keys)
        {
            if (!key.IsFor(token.KeyId, algorithm))
            {
                continue;
            }

            if (key.Verify(algorithm, token.SignedText, token.Signature))
            {
                return TokenFault.None;
            }

            fault = TokenFault.BadSignature;
        }

        return fault;
    }
}
