using System.Buffers;
using System.Buffers.Text;
using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;

namespace Mesh.Control.Model.Keys;

/// <summary>
/// A JSON Web Key Set (RFC 7517), read strictly. Only what a public key is made of is kept; shared secrets are never taken for keys.
/// </summary>
/// <param name="Keys">Those that can verify tokens.</param>
/// <param name="LeftOut">What is said of the others, for people.</param>
/// <param name="Problem">Why there are none at all; null when there are.</param>
public sealed record JsonWebKeySet(ImmutableArray<PublicKey> Keys, ImmutableArray<string> LeftOut, string? Problem)
{
    /// <summary>More is no set of keys.</summary>
    public const int TextBytesMax = 1024 * 1024;

    private const int KeysMax = 128;
    private const int DepthMax = 8;
    private const int RsaBytesMin = 2_048 / 8;
    private const int RsaBytesMax = 8_192 / 8;
    private const int ExponentBytesMax = 4;
    private const int EdwardsBytes = 32;
    private const int IdentifierCharsMax = 1_024;

    private static readonly JsonDocumentOptions s_options = new() { AllowDuplicateProperties = false, MaxDepth = DepthMax };

    /// <param name="json">In UTF-8.</param>
    public static JsonWebKeySet Parse(ReadOnlyMemory<byte> json)
    {
        if (json.Length > TextBytesMax)
        {
            return Refused($"It is longer than {TextBytesMax} bytes.");
        }

        try
        {
            using JsonDocument document = JsonDocument.Parse(json, s_options);
            return document.RootElement.ValueKind == JsonValueKind.Object
                && document.RootElement.TryGetProperty("keys", out JsonElement keys)
                && keys.ValueKind == JsonValueKind.Array
                ? Read(keys)
                : Refused("It is no object with a list of keys.");
        }
        catch (JsonException exception)
        {
            return Refused(exception.LineNumber is long line
                ? string.Create(CultureInfo.InvariantCulture, $"It is no JSON: line {line + 1} cannot be read.")
                : "It is no JSON, or a name stands in it twice.");
        }
        catch (InvalidOperationException)
        {
            return Refused("A text in it cannot be read.");
        }
    }

    private static JsonWebKeySet Refused(string problem) => new([], [], problem);

    private static JsonWebKeySet Read(JsonElement list)
    {
        if (list.GetArrayLength() > KeysMax)
        {
            return Refused($"It has more than {KeysMax} keys.");
        }

        ImmutableArray<PublicKey>.Builder keys = ImmutableArray.CreateBuilder<PublicKey>();
        ImmutableArray<string>.Builder leftOut = ImmutableArray.CreateBuilder<string>();
        foreach ((int index, JsonElement key) in list.EnumerateArray().Index())
        {
            if (TryRead(key, out PublicKey? read, out string reason))
            {
                keys.Add(read!);
            }
            else
            {
                leftOut.Add($"Key {index} is left out: {reason}.");
            }
        }

        return new JsonWebKeySet(
            keys.ToImmutable(),
            leftOut.ToImmutable(),
            keys.Count > 0 ? null : leftOut.Count > 0 ? $"It has no key to verify tokens by. {leftOut[0]}" : "It has no keys.");
    }

    private static bool TryRead(JsonElement key, out PublicKey? read, out string reason)
    {
        read = null;
        if (key.ValueKind != JsonValueKind.Object
            || TextOf(key, "kty") is not { } type
            || TextOf(key, "kid") is not { Length: <= IdentifierCharsMax } id
            || TextOf(key, "alg") is not { } algorithm
            || TextOf(key, "use") is not { } use)
        {
            reason = "it is no key";
            return false;
        }

        if (use is not ("" or "sig") || !MayVerify(key))
        {
            reason = "it is not for signatures";
            return false;
        }

        (reason, read) = type switch
        {
            "RSA" => ReadRsa(key, id, algorithm),
            "EC" => ReadCurve(key, id, algorithm),
            "OKP" => ReadEdwards(key, id, algorithm),
            "oct" => ("a shared secret is none", null),
            _ => ($"'{type}' is no kind of key that is known here", null),
        };
        return read is not null;
    }

    private static (string Reason, PublicKey? Key) ReadRsa(JsonElement key, string id, string algorithm)
    {
        if (algorithm is not ("" or "RS256" or "RS384" or "RS512" or "PS256" or "PS384" or "PS512"))
        {
            return Unfit(algorithm);
        }

        ReadOnlySpan<byte> modulus = BytesOf(key, "n").AsSpan().TrimStart((byte)0);
        ReadOnlySpan<byte> exponent = BytesOf(key, "e").AsSpan().TrimStart((byte)0);
        if (modulus.Length is < RsaBytesMin or > RsaBytesMax || (modulus.Length == RsaBytesMin && modulus[0] < 0x80))
        {
            return ("its modulus has not 2048 to 8192 bits", null);
        }

        // Whole bytes: what issuers make has them, and every verifier takes them.
        bool isGood = modulus[0] >= 0x80 && (modulus[^1] & 1) != 0
            && exponent.Length is > 0 and <= ExponentBytesMax && (exponent[^1] & 1) != 0 && exponent is not [1];
        return isGood
            ? ("", new PublicKey(id, algorithm, PublicKeyKind.Rsa, [.. modulus], [.. exponent]))
            : ("it is no key of RSA", null);
    }

    private static (string Reason, PublicKey? Key) ReadCurve(JsonElement key, string id, string algorithm)
    {
        (PublicKeyKind kind, int fieldBytes, ECCurve curve, string fitting) = TextOf(key, "crv") switch
        {
            "P-256" => (PublicKeyKind.P256, 32, ECCurve.NamedCurves.nistP256, "ES256"),
            "P-384" => (PublicKeyKind.P384, 48, ECCurve.NamedCurves.nistP384, "ES384"),
            "P-521" => (PublicKeyKind.P521, 66, ECCurve.NamedCurves.nistP521, "ES512"),
            _ => (default, 0, default, ""),
        };
        if (fieldBytes == 0)
        {
            return ("its curve is not known here", null);
        }

        if (algorithm.Length > 0 && algorithm != fitting)
        {
            return Unfit(algorithm);
        }

        byte[]? x = Padded(BytesOf(key, "x"), fieldBytes);
        byte[]? y = Padded(BytesOf(key, "y"), fieldBytes);
        if (x is null || y is null)
        {
            return ("it is no point of its curve", null);
        }

        try
        {
            using var point = ECDsa.Create(new ECParameters { Curve = curve, Q = new ECPoint { X = x, Y = y } });
            return ("", new PublicKey(id, algorithm, kind, [.. x], [.. y]));
        }
        catch (CryptographicException)
        {
            return ("it is no point of its curve", null);
        }
    }

    private static (string Reason, PublicKey? Key) ReadEdwards(JsonElement key, string id, string algorithm)
    {
        if (algorithm is not ("" or "EdDSA"))
        {
            return Unfit(algorithm);
        }

        byte[] x = BytesOf(key, "x");
        return TextOf(key, "crv") == "Ed25519" && x.Length == EdwardsBytes
            ? ("", new PublicKey(id, algorithm, PublicKeyKind.Ed25519, [.. x], []))
            : ("it is no key of Ed25519", null);
    }

    private static (string Reason, PublicKey? Key) Unfit(string algorithm) => ($"the algorithm '{algorithm}' does not fit it", null);

    private static bool MayVerify(JsonElement key) =>
        !key.TryGetProperty("key_ops", out JsonElement operations)
        || (operations.ValueKind == JsonValueKind.Array
            && operations.EnumerateArray().Any(item => item.ValueKind == JsonValueKind.String && item.ValueEquals("verify")));

    /// <returns>Empty when it is not there, null when it is no text.</returns>
    private static string? TextOf(JsonElement key, string name) =>
        !key.TryGetProperty(name, out JsonElement value) ? string.Empty
        : value.ValueKind == JsonValueKind.String ? value.GetString()
        : null;

    /// <returns>Empty when it is not there, or not base64url.</returns>
    private static byte[] BytesOf(JsonElement key, string name)
    {
        string text = TextOf(key, name) ?? string.Empty;
        byte[] bytes = new byte[Base64Url.GetMaxDecodedLength(text.Length)];
        return Base64Url.DecodeFromChars(text, bytes, out int consumed, out int written) == OperationStatus.Done && consumed == text.Length
            ? bytes[..written]
            : [];
    }

    /// <summary>Some issuers leave the zeroes out that stand first.</summary>
    private static byte[]? Padded(byte[] bytes, int length) =>
        bytes.Length is 0 || bytes.Length > length ? null : [.. new byte[length - bytes.Length], .. bytes];
}
