namespace Mesh.Api.Policies;

/// <summary>Which fields of requests policies may speak of.</summary>
public static class RequestFields
{
    /// <summary>
    /// Whether requests show a field of that name where policy looks. What a message says of its connection alone is consumed by whoever
    /// reads it, and its path and query are looked at apart.
    /// </summary>
    /// <param name="name">A field's or pseudo-header's name, in any case.</param>
    public static bool IsVisible(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return name.ToLowerInvariant() switch
        {
            "" or "connection" or "keep-alive" or "proxy-connection" or "te" or "upgrade" or "transfer-encoding" or "content-length"
                or "expect" => false,
            ":authority" or ":method" or ":scheme" => true,
            [':', ..] => false,
            _ => true,
        };
    }

    /// <summary>
    /// Whether a field may be written into requests by what tokens say: not one by which messages are told apart, or proxies tell who asks.
    /// </summary>
    /// <param name="name">A field's name, in any case.</param>
    public static bool IsWritable(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return IsVisible(name) && IsToken(name) && name.ToLowerInvariant() is not ("host" or "x-forwarded-client-cert" or "trailer");
    }

    /// <summary>A name of letters, digits, - and _.</summary>
    private static bool IsToken(string name) => name.All(character => char.IsAsciiLetterOrDigit(character) || character is '-' or '_');
}
