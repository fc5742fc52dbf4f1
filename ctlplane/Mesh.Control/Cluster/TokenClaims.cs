using System.Buffers.Text;
using System.Text.Json;

namespace Mesh.Control.Cluster;

/// <summary>What a token says of itself, unverified: enough to tell what need not even be asked about.</summary>
/// <param name="Subject">Whose it says it is.</param>
/// <param name="Audiences">Whom it says it is for.</param>
/// <param name="ExpiresAt">Until when, it says.</param>
internal sealed record TokenClaims(string Subject, IReadOnlyList<string> Audiences, DateTimeOffset ExpiresAt)
{
    private const int TokenCharsMax = 16 * 1_024;

    /// <returns>Null for what is no JSON Web Token of a service account.</returns>
    public static TokenClaims? Read(string token)
    {
        string[] parts = token.Split('.');
        if (token.Length > TokenCharsMax || parts.Length != 3)
        {
            return null;
        }

        try
        {
            using var payload = JsonDocument.Parse(Base64Url.DecodeFromChars(parts[1]));
            JsonElement root = payload.RootElement;
            JsonElement audience = root.GetProperty("aud");
            return new TokenClaims(
                root.GetProperty("sub").GetString() ?? string.Empty,
                audience.ValueKind == JsonValueKind.Array
                    ? [.. audience.EnumerateArray().Select(one => one.GetString() ?? string.Empty)]
                    : [audience.GetString() ?? string.Empty],
                DateTimeOffset.FromUnixTimeSeconds(root.GetProperty("exp").GetInt64()));
        }
        catch (Exception exception) when (exception
            is FormatException or JsonException or KeyNotFoundException or InvalidOperationException or ArgumentOutOfRangeException)
        {
            return null;
        }
    }
}
