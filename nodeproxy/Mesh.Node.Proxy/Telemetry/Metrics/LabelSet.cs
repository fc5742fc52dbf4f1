namespace Mesh.Node.Proxy.Telemetry.Metrics;

/// <summary>The labels of one series, in the order they are written. Immutable.</summary>
/// <remarks>Values come from configuration, certificates and code, never from bytes that a client chose.</remarks>
public abstract class LabelSet
{
    /// <summary>No labels.</summary>
    public static LabelSet Empty { get; } = new PairLabels([]);

    /// <summary>How many labels there are.</summary>
    public abstract int Count { get; }

    /// <summary>One label.</summary>
    public abstract KeyValuePair<string, string> this[int index] { get; }

    /// <summary>The labels as OpenTelemetry takes them; made on first use.</summary>
    internal KeyValuePair<string, object?>[] Tags => field ??= MakeTags();

    /// <summary>Labels known when the code was written.</summary>
    /// <exception cref="ArgumentException">A name is not <c>[a-zA-Z_][a-zA-Z0-9_]*</c>.</exception>
    public static LabelSet Of(params ReadOnlySpan<(string Name, string Value)> labels)
    {
        KeyValuePair<string, string>[] pairs = new KeyValuePair<string, string>[labels.Length];
        for (int index = 0; index < labels.Length; index++)
        {
            MetricNames.CheckLabel(labels[index].Name);
            pairs[index] = new KeyValuePair<string, string>(labels[index].Name, labels[index].Value);
        }

        return new PairLabels(pairs);
    }

    private KeyValuePair<string, object?>[] MakeTags()
    {
        KeyValuePair<string, object?>[] tags = new KeyValuePair<string, object?>[Count];
        for (int index = 0; index < tags.Length; index++)
        {
            tags[index] = new KeyValuePair<string, object?>(this[index].Key, this[index].Value);
        }

        return tags;
    }

    private sealed class PairLabels(KeyValuePair<string, string>[] pairs) : LabelSet
    {
        public override int Count => pairs.Length;

        public override KeyValuePair<string, string> this[int index] => pairs[index];
    }
}
