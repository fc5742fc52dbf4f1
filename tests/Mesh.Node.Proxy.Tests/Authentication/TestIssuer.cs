using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Mesh.Node.Model.Policies.Tokens;
using Mesh.Node.Proxy.Authentication;

namespace Mesh.Node.Proxy.Tests.Authentication;

/// <summary>Makes keys, and tokens signed by them, by .NET's own classes and nothing of the proxy's.</summary>
internal static class TestIssuer
{
    public const string Issuer = "https://issuer.example";

    private static readonly RSA s_rsa = RSA.Create(2048);
    private static readonly ECDsa s_p256 = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private static readonly ECDsa s_p384 = ECDsa.Create(ECCurve.NamedCurves.nistP384);
    private static readonly ECDsa s_p521 = ECDsa.Create(ECCurve.NamedCurves.nistP521);

    public static TokenKey Rsa(string? id = "rsa", TokenAlgorithm? algorithm = null) => RsaKeyOf(s_rsa, id, algorithm);

    public static TokenKey RsaKeyOf(RSA rsa, string? id, TokenAlgorithm? algorithm = null)
    {
        RSAParameters parameters = rsa.ExportParameters(includePrivateParameters: false);
        return LibraryTokenKey.OfRsa(id, algorithm, parameters.Modulus!, parameters.Exponent!)!;
    }

    public static TokenKey Curve(string curve, string? id = null) => CurveKeyOf(EcOf(curve), curve, id);

    public static TokenKey CurveKeyOf(ECDsa key, string curve, string? id = null)
    {
        ECParameters parameters = key.ExportParameters(includePrivateParameters: false);
        return LibraryTokenKey.OfCurve(id, null, curve, parameters.Q.X!, parameters.Q.Y!)!;
    }

    public static TokenRule Rule(params TokenKey[] keys) => new()
    {
        Issuer = Issuer,
        Keys = [.. keys],
        Fields = [TokenRule.DefaultField],
        Parameters = [TokenRule.DefaultParameter],
    };

    /// <summary>Claims of a token that is good now, with what is given instead.</summary>
    public static JsonObject Claims(params (string Name, JsonNode? Value)[] others)
    {
        var claims = new JsonObject
        {
            ["iss"] = Issuer,
            ["sub"] = "alice",
            ["exp"] = DateTimeOffset.FromUnixTimeSeconds(0).AddYears(200).ToUnixTimeSeconds(),
        };
        foreach ((string name, JsonNode? value) in others)
        {
            claims.Remove(name);
            if (value is not null)
            {
                claims[name] = value;
            }
        }

        return claims;
    }

    /// <summary>A token of the claims.</summary>
    public static string Sign(JsonObject claims, string algorithm = "RS256", string? keyId = "rsa", RSA? rsa = null)
    {
        var header = new JsonObject { ["alg"] = algorithm, ["typ"] = "JWT" };
        if (keyId is not null)
        {
            header["kid"] = keyId;
        }

        return Sign(header.ToJsonString(), claims.ToJsonString(), algorithm, rsa);
    }

    public static string Sign(string header, string payload, string algorithm, RSA? rsa = null)
    {
        string text = $"{Encode(header)}.{Encode(payload)}";
        byte[] data = Encoding.ASCII.GetBytes(text);
        HashAlgorithmName hash = algorithm[^3..] switch
        {
            "384" => HashAlgorithmName.SHA384,
            "512" => HashAlgorithmName.SHA512,
            _ => HashAlgorithmName.SHA256,
        };
        rsa ??= s_rsa;
        byte[] signature = algorithm[..2] switch
        {
            "RS" => rsa.SignData(data, hash, RSASignaturePadding.Pkcs1),
            "PS" => rsa.SignData(data, hash, RSASignaturePadding.Pss),
            "ES" => EcOf(algorithm switch { "ES256" => "P-256", "ES384" => "P-384", _ => "P-521" }).SignData(data, hash),
            "HS" => HMACSHA256.HashData(s_rsa.ExportSubjectPublicKeyInfo(), data),
            _ => [0],
        };
        return $"{text}.{Base64Url.EncodeToString(signature)}";
    }

    public static string Encode(string text) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(text));

    private static ECDsa EcOf(string curve) => curve switch
    {
        "P-256" => s_p256,
        "P-384" => s_p384,
        _ => s_p521,
    };
}
