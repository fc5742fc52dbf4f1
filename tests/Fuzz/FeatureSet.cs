namespace Mesh.Fuzz;

/// <summary>What inputs have reached so far. An input that reaches something new is worth mutating further.</summary>
/// <param name="isCoarse">True to know only edges and outcomes, for choosing a small corpus.</param>
internal sealed class FeatureSet(bool isCoarse = false)
{
    private const int FirstEdge = 0x4000_0000;

    private readonly HashSet<int> _seen = [];

    /// <summary>How many different things were reached.</summary>
    public int Count => _seen.Count;

    /// <summary>True when something was new since the last call of <see cref="BeginInput"/>.</summary>
    public bool FoundNew { get; private set; }

    /// <summary>Outcomes that have a name, for people: what a run should have reached and did not is seen at a glance.</summary>
    public SortedSet<string> Outcomes { get; } = new(StringComparer.Ordinal);

    public void BeginInput() => FoundNew = false;

    /// <summary>Notes that the input reached <paramref name="feature"/>.</summary>
    public void Add(int feature)
    {
        if (!isCoarse)
        {
            Note(feature);
        }
    }

    /// <summary>
    /// Notes that the input took an edge of the code so many times, in steps that double: a loop that runs once more is nothing new.
    /// </summary>
    public void AddEdge(int edge, byte times) => Note(FirstEdge + (edge * 8) + (isCoarse ? 0 : int.Log2(times)));

    /// <summary>Notes how an input ended.</summary>
    public void AddOutcome(string outcome)
    {
        Outcomes.Add(outcome);
        Note(KindOf(outcome));
    }

    /// <summary>Notes each line and each pair of lines that follow one another, without their numbers.</summary>
    public void AddSequence(IEnumerable<string> lines)
    {
        int previous = 0;
        foreach (string line in lines)
        {
            int kind = KindOf(line);
            Add(kind);
            Add((kind * 31) + previous);
            previous = kind;
        }
    }

    /// <summary>A hash that does not change from run to run, as string hash codes do.</summary>
    public static int KindOf(ReadOnlySpan<char> line)
    {
        uint hash = 2_166_136_261;
        foreach (char next in line)
        {
            hash = ((char.IsAsciiDigit(next) ? '0' : next) ^ hash) * 16_777_619;
        }

        return (int)hash;
    }

    private void Note(int feature) => FoundNew |= _seen.Add(feature);
}
