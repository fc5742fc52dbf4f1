namespace Mesh.Fuzz.Targets;

/// <summary>Everything one run of a connection said and sent, as text.</summary>
internal sealed class Transcript
{
    /// <summary>What the owner heard, in order.</summary>
    public List<string> Events { get; } = [];

    /// <summary>Frames sent after the opening, in order.</summary>
    public List<string> Sent { get; } = [];

    /// <summary>Content of each stream.</summary>
    public SortedDictionary<int, List<byte>> Content { get; } = [];

    /// <summary>The reason the connection ended, or "None".</summary>
    public string Error { get; set; } = "None";

    public List<string> Lines =>
    [
        .. Events,
        .. Content.Where(stream => stream.Value.Count > 0).Select(stream => $"content {stream.Key}: {stream.Value.Count} {HashOf(stream.Value):x8}"),
        .. Sent.Select(line => $"> {line}"),
        $"error {Error}",
    ];

    public List<byte> ContentOf(int streamId)
    {
        if (!Content.TryGetValue(streamId, out List<byte>? bytes))
        {
            Content[streamId] = bytes = [];
        }

        return bytes;
    }

    private static uint HashOf(List<byte> bytes) =>
        bytes.Aggregate(2_166_136_261, static (hash, next) => (hash ^ next) * 16_777_619);
}
