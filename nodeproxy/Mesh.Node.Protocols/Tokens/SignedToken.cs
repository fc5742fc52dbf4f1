using System.Buffers;
using System.Buffers.Text;
using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Unicode;

namespace Mesh.Node.Protocols.Tokens;

/// <summary>
/// A JSON Web Token in compact form (RFC 7515 §7.1, RFC 7519), read strictly: one way to write it, no name twice, nothing that could be
/// understood otherwise by others. Nothing in it is true before its signature was verified. Not thread-safe.
/// </summary>
public sealed class SignedToken : IDisposable
{
    /// <summary>A longer text is no token.</summary>
    public const int TextBytesMax = 16 * 1024;

    /// <summary>How deep objects and lists may be inside one another.</summary>
    public const int DepthMax = 16;

    private static readonly SearchValues<byte> s_alphabet =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"u8);

    private static readonly JsonDocumentOptions s_options = new() { AllowDuplicateProperties = false, MaxDepth = DepthMax };

    private readonly JsonDocument _claims;

    private SignedToken(JsonDocument claims) => _claims = claims;

    /// <summary>The header's alg.</summary>
    public required string Algorithm { get; init; }

    /// <summary>The header's kid; null when it has none.</summary>
    public string? KeyId { get; private init; }

    /// <summary>What is signed: header and payload as they were sent.</summary>
    public ReadOnlyMemory<byte> SignedText { get; private init; }

    /// <summary>The payload as it was sent, in base64url.</summary>
    public ReadOnlyMemory<byte> PayloadText { get; private init; }

    /// <summary>The signature.</summary>
    public required byte[] Signature { get; init; }

    /// <summary>An object; every text in it can be read.</summary>
    public JsonElement Claims => _claims.RootElement;

    /// <summary>iss.</summary>
    public string? Issuer { get; private set; }

    /// <summary>sub.</summary>
    public string? Subject { get; private set; }

    /// <summary>azp: whom it was issued to.</summary>
    public string? Presenter { get; private set; }

    /// <summary>aud, a text or a list of them.</summary>
    public ImmutableArray<string> Audiences { get; private set; } = [];

    /// <summary>exp, in seconds of Unix; null when it has no end.</summary>
    public double? ExpiresAt { get; private set; }

    /// <summary>nbf, in seconds of Unix; null when it has no beginning.</summary>
    public double? NotBefore { get; private set; }

    /// <summary>Reads a token.</summary>
    /// <param name="text">The token alone. Kept, and not to change while the token is used.</param>
    /// <param name="token">To be disposed of; null with a fault.</param>
    /// <param name="fault">What is wrong; <see cref="TokenFault.None"/> when it could be read.</param>
    public static bool TryRead(ReadOnlyMemory<byte> text, [NotNullWhen(true)] out SignedToken? token, out TokenFault fault)
    {
        token = null;
        int headerEnd = text.Length <= TextBytesMax ? text.Span.IndexOf((byte)'.') : -1;
        int payloadEnd = text.Span.LastIndexOf((byte)'.');
        if (headerEnd < 0 || payloadEnd == headerEnd || text.Span.Count((byte)'.') != 2)
        {
            fault = TokenFault.BadForm;
            return false;
        }

        ReadOnlyMemory<byte> payloadText = text[(headerEnd + 1)..payloadEnd];
        if (!TryReadHeader(text[..headerEnd], out string algorithm, out string? keyId, out fault))
        {
            return false;
        }

        if (!TryDecode(payloadText.Span, out byte[]? payload))
        {
            fault = TokenFault.PayloadEncoding;
            return false;
        }

        if (!TryDecode(text.Span[(payloadEnd + 1)..], out byte[]? signature))
        {
            fault = TokenFault.SignatureEncoding;
            return false;
        }

        if (!TryParse(payload, out JsonDocument? claims))
        {
            fault = TokenFault.PayloadJson;
            return false;
        }

        token = new SignedToken(claims)
        {
            Algorithm = algorithm,
            KeyId = keyId,
            SignedText = text[..payloadEnd],
            PayloadText = payloadText,
            Signature = signature,
        };
        if (token.TryReadClaims())
        {
            return true;
        }

        fault = TokenFault.ClaimType;
        token.Dispose();
        token = null;
        return false;
    }

    /// <inheritdoc/>
    public void Dispose() => _claims.Dispose();

    private static bool TryReadHeader(ReadOnlyMemory<byte> text, out string algorithm, out string? keyId, out TokenFault fault)
    {
        algorithm = "";
        keyId = null;
        if (!TryDecode(text.Span, out byte[]? json))
        {
            fault = TokenFault.HeaderEncoding;
            return false;
        }

        if (!TryParse(json, out JsonDocument? document))
        {
            fault = TokenFault.HeaderJson;
            return false;
        }

        using (document)
        {
            JsonElement header = document.RootElement;
            fault = !TryGetText(header, "alg", out string? named) || named is null ? TokenFault.AlgorithmMissing
                : !TryGetText(header, "kid", out keyId) ? TokenFault.KeyIdentifier
                : header.TryGetProperty("crit", out _) ? TokenFault.CriticalHeader
                : TokenFault.None;
            algorithm = named ?? "";
            return fault == TokenFault.None;
        }
    }

    /// <summary>Base64url without padding, in the one form its bytes have.</summary>
    private static bool TryDecode(ReadOnlySpan<byte> text, [NotNullWhen(true)] out byte[]? bytes)
    {
        bytes = null;
        if (text.IsEmpty || text.ContainsAnyExcept(s_alphabet) || text.Length % 4 == 1)
        {
            return false;
        }

        byte[] decoded = new byte[Base64Url.GetMaxDecodedLength(text.Length)];
        if (Base64Url.DecodeFromUtf8(text, decoded, out int consumed, out int written) != OperationStatus.Done || consumed != text.Length)
        {
            return false;
        }

        // Bits that are left over could be anything; written back they are 0.
        Span<byte> tail = stackalloc byte[4];
        int tailBytes = written % 3;
        if (tailBytes != 0)
        {
            Base64Url.EncodeToUtf8(decoded.AsSpan(written - tailBytes, tailBytes), tail, out _, out int tailText);
            if (!text.EndsWith(tail[..tailText]))
            {
                return false;
            }
        }

        bytes = decoded.AsSpan(0, written).ToArray();
        return true;
    }

    private static bool TryParse(byte[] json, [NotNullWhen(true)] out JsonDocument? document)
    {
        document = null;
        if (!Utf8.IsValid(json))
        {
            return false;
        }

        JsonDocument? parsed = null;
        try
        {
            parsed = JsonDocument.Parse(json, s_options);
            if (parsed.RootElement.ValueKind == JsonValueKind.Object)
            {
                ReadTexts(parsed.RootElement);
                document = parsed;
                return true;
            }
        }
        catch (JsonException)
        {
        }
        catch (InvalidOperationException)
        {
            // Half of a pair of surrogates: a text that is none.
        }

        parsed?.Dispose();
        return false;
    }

    /// <exception cref="InvalidOperationException">A text or a name cannot be read.</exception>
    private static void ReadTexts(JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                foreach (JsonProperty property in element.EnumerateObject())
                {
                    _ = property.Name;
                    ReadTexts(property.Value);
                }

                break;
            case JsonValueKind.Array:
                foreach (JsonElement item in element.EnumerateArray())
                {
                    ReadTexts(item);
                }

                break;
            case JsonValueKind.String:
                _ = element.GetString();
                break;
        }
    }

    private static bool TryGetText(JsonElement element, string name, out string? text)
    {
        text = null;
        if (!element.TryGetProperty(name, out JsonElement value))
        {
            return true;
        }

        text = value.ValueKind == JsonValueKind.String ? value.GetString() : null;
        return text is not null;
    }

    private static bool TryGetTime(JsonElement element, string name, out double? time)
    {
        time = null;
        if (!element.TryGetProperty(name, out JsonElement value))
        {
            return true;
        }

        if (value.ValueKind != JsonValueKind.Number || !value.TryGetDouble(out double seconds) || !double.IsFinite(seconds))
        {
            return false;
        }

        time = seconds;
        return true;
    }

    private bool TryReadClaims()
    {
        if (!TryGetText(Claims, "iss", out string? issuer)
            || !TryGetText(Claims, "sub", out string? subject)
            || !TryGetText(Claims, "azp", out string? presenter)
            || !TryGetTime(Claims, "exp", out double? expiresAt)
            || !TryGetTime(Claims, "nbf", out double? notBefore)
            || !TryReadAudiences())
        {
            return false;
        }

        (Issuer, Subject, Presenter, ExpiresAt, NotBefore) = (issuer, subject, presenter, expiresAt, notBefore);
        return true;
    }

    private bool TryReadAudiences()
    {
        if (!Claims.TryGetProperty("aud", out JsonElement value))
        {
            return true;
        }

        if (value.ValueKind == JsonValueKind.String)
        {
            Audiences = [value.GetString()!];
            return true;
        }

        if (value.ValueKind != JsonValueKind.Array || value.EnumerateArray().Any(item => item.ValueKind != JsonValueKind.String))
        {
            return false;
        }

        Audiences = [.. value.EnumerateArray().Select(item => item.GetString()!)];
        return true;
    }
}
