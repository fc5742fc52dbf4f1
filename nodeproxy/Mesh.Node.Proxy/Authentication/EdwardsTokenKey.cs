using Mesh.Interop.OpenSsl;
using Mesh.Node.Model.Policies.Tokens;

namespace Mesh.Node.Proxy.Authentication;

/// <summary>A key of Ed25519 (RFC 8037), verified by OpenSSL.</summary>
internal sealed class EdwardsTokenKey : TokenKey
{
    private readonly Ed25519Key _key;

    private EdwardsTokenKey(string? id, TokenAlgorithm? algorithm, Ed25519Key key)
        : base(id, algorithm) => _key = key;

    /// <returns>Null when it is no key.</returns>
    public static EdwardsTokenKey? Of(string? id, TokenAlgorithm? algorithm, ReadOnlySpan<byte> key) =>
        Ed25519Key.TryCreate(key) is Ed25519Key taken ? new EdwardsTokenKey(id, algorithm, taken) : null;

    /// <inheritdoc/>
    public override bool Fits(TokenAlgorithm algorithm) => algorithm == TokenAlgorithm.EdDSA;

    /// <inheritdoc/>
    public override bool Verify(TokenAlgorithm algorithm, ReadOnlyMemory<byte> text, byte[] signature) =>
        Fits(algorithm) && _key.Verify(text.Span, signature);
}
