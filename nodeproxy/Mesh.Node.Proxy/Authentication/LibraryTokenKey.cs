using System.Security.Cryptography;
using Mesh.Node.Model.Policies.Tokens;
using Microsoft.IdentityModel.Tokens;

namespace Mesh.Node.Proxy.Authentication;

/// <summary>A key of RSA or of an elliptic curve, verified by Microsoft.IdentityModel.</summary>
internal sealed class LibraryTokenKey : TokenKey
{
    /// <summary>RFC 7518 §3.3 allows no shorter one.</summary>
    public const int RsaBitsMin = 2_048;

    /// <summary>A longer one costs more than a request may.</summary>
    public const int RsaBitsMax = 8_192;

    private const int ExponentBytesMax = 4;

    private static readonly CryptoProviderFactory s_factory = new() { CacheSignatureProviders = false };

    private readonly SecurityKey _key;
    private readonly TokenAlgorithm[] _algorithms;
    private readonly SignatureProvider?[] _providers;

    private LibraryTokenKey(string? id, TokenAlgorithm? algorithm, SecurityKey key, params TokenAlgorithm[] algorithms)
        : base(id, algorithm)
    {
        _key = key;
        _algorithms = algorithms;
        _providers = new SignatureProvider?[algorithms.Length];
    }

    /// <summary>A key of RSA.</summary>
    /// <returns>Null when its modulus is too short or too long, or its exponent is none.</returns>
    public static LibraryTokenKey? OfRsa(string? id, TokenAlgorithm? algorithm, byte[] modulus, byte[] exponent)
    {
        bool isGood = modulus.Length is >= RsaBitsMin / 8 and <= RsaBitsMax / 8 && (modulus[0] & 0x80) != 0 && (modulus[^1] & 1) != 0
            && exponent.Length is > 0 and <= ExponentBytesMax && exponent[0] != 0 && (exponent[^1] & 1) != 0 && exponent is not [1];
        return !isGood
            ? null
            : new LibraryTokenKey(
                id,
                algorithm,
                new RsaSecurityKey(new RSAParameters { Modulus = modulus, Exponent = exponent }),
                TokenAlgorithm.RS256,
                TokenAlgorithm.RS384,
                TokenAlgorithm.RS512,
                TokenAlgorithm.PS256,
                TokenAlgorithm.PS384,
                TokenAlgorithm.PS512);
    }

    /// <summary>A key of a curve.</summary>
    /// <param name="id">kid.</param>
    /// <param name="algorithm">alg.</param>
    /// <param name="curve">As RFC 7518 §6.2.1.1 names it.</param>
    /// <param name="x">As long as the curve's field.</param>
    /// <param name="y">Likewise.</param>
    /// <returns>Null when the curve is not known, or the point is not on it.</returns>
    public static LibraryTokenKey? OfCurve(string? id, TokenAlgorithm? algorithm, string curve, byte[] x, byte[] y)
    {
        (ECCurve named, int fieldBytes, TokenAlgorithm fitting) = curve switch
        {
            "P-256" => (ECCurve.NamedCurves.nistP256, 32, TokenAlgorithm.ES256),
            "P-384" => (ECCurve.NamedCurves.nistP384, 48, TokenAlgorithm.ES384),
            "P-521" => (ECCurve.NamedCurves.nistP521, 66, TokenAlgorithm.ES512),
            _ => (default, 0, default),
        };
        if (fieldBytes == 0 || x.Length != fieldBytes || y.Length != fieldBytes)
        {
            return null;
        }

        try
        {
            var key = ECDsa.Create(new ECParameters { Curve = named, Q = new ECPoint { X = x, Y = y } });
            return new LibraryTokenKey(id, algorithm, new ECDsaSecurityKey(key), fitting);
        }
        catch (CryptographicException)
        {
            return null;
        }
    }

    /// <inheritdoc/>
    public override bool Fits(TokenAlgorithm algorithm) => _algorithms.Contains(algorithm);

    /// <inheritdoc/>
    public override bool Verify(TokenAlgorithm algorithm, ReadOnlyMemory<byte> text, byte[] signature)
    {
        int index = _algorithms.IndexOf(algorithm);
        if (index < 0 || signature.Length == 0)
        {
            return false;
        }

        SignatureProvider provider = _providers[index]
            ??= s_factory.CreateForVerifying(_key, algorithm.ToString(), cacheProvider: false);
        try
        {
            return provider.Verify(text.ToArray(), signature);
        }
        catch (CryptographicException)
        {
            // Whatever the library cannot make sense of is no signature.
            return false;
        }
    }
}
