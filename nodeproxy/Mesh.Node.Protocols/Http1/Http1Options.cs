namespace Mesh.Node.Protocols.Http1;

/// <summary>The limits of HTTP/1 messages. Immutable, so one instance serves all connections of a kind.</summary>
/// <remarks>Sizes count bytes on the wire, without the CR LF that ends a line.</remarks>
public sealed record Http1Options
{
    /// <summary>The longest request line or status line. A longer request line is 414.</summary>
    public int StartLineBytesMax { get; init; } = 16 * 1024;

    /// <summary>The longest line of a field. A longer one is 431.</summary>
    public int FieldBytesMax { get; init; } = 32 * 1024;

    /// <summary>All lines of fields of one head together, or of trailers, each with its CR LF. More is 431.</summary>
    public int FieldsBytesMax { get; init; } = 64 * 1024;

    /// <summary>Fields of one head, or of trailers. More is 431.</summary>
    public int FieldsMax { get; init; } = 100;

    /// <summary>The extensions of one chunk. More is 400.</summary>
    public int ChunkExtensionBytesMax { get; init; } = 1024;

    /// <summary>The extensions of all chunks of one message. More is 400: nobody reads them.</summary>
    public int ChunkExtensionsBytesMax { get; init; } = 16 * 1024;

    /// <summary>
    /// What a connection may change to. Other upgrades are not passed on, so the server answers in HTTP/1.1: behind an upgrade to another
    /// HTTP (h2c), or to TLS, requests would pass that nobody routed or authorized.
    /// </summary>
    public IReadOnlyList<string> UpgradeProtocols { get; init; } = ["websocket"];

    /// <summary>The scheme of requests that do not say theirs: https where the client's TLS ended here.</summary>
    public bool IsHttps { get; init; }

    internal void Validate()
    {
        InRange(StartLineBytesMax, 64, 1024 * 1024, nameof(StartLineBytesMax));
        InRange(FieldBytesMax, 64, 1024 * 1024, nameof(FieldBytesMax));
        InRange(FieldsBytesMax, 64, 16 * 1024 * 1024, nameof(FieldsBytesMax));
        InRange(FieldsMax, 1, 10_000, nameof(FieldsMax));
        InRange(ChunkExtensionBytesMax, 0, 64 * 1024, nameof(ChunkExtensionBytesMax));
        InRange(ChunkExtensionsBytesMax, 0, 1024 * 1024, nameof(ChunkExtensionsBytesMax));
    }

    private static void InRange(int value, int min, int max, string name)
    {
        if (value < min || value > max)
        {
            throw new ArgumentOutOfRangeException(name, value, $"Must be {min} to {max}.");
        }
    }
}
