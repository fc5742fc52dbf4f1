namespace Mesh.Control.Sources.Kubernetes;

/// <summary>
/// One instance for each short text that occurs often: field names, labels, namespaces. Ten thousand pods say the same few hundred words.
/// Bounded; used by one thread at a time.
/// </summary>
internal sealed class StringPool
{
    private const int CharsMax = 64;
    private const int CountMax = 16_384;

    private readonly HashSet<string> _texts = new(StringComparer.Ordinal);
    private readonly HashSet<string>.AlternateLookup<ReadOnlySpan<char>> _bySpan;

    public StringPool() => _bySpan = _texts.GetAlternateLookup<ReadOnlySpan<char>>();

    public string Take(ReadOnlySpan<char> text)
    {
        if (text.Length > CharsMax)
        {
            return text.ToString();
        }

        if (_bySpan.TryGetValue(text, out string? known))
        {
            return known;
        }

        string taken = text.ToString();
        if (_texts.Count < CountMax)
        {
            _texts.Add(taken);
        }

        return taken;
    }
}
