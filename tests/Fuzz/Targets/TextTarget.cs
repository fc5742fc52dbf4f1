using System.Text;

namespace Mesh.Fuzz.Targets;

/// <summary>What the targets of one-line texts share: inputs made of the pieces such texts are made of.</summary>
internal abstract class TextTarget(string name, params string[] pieces) : IFuzzTarget
{
    /// <summary>The verdict on what is refused.</summary>
    protected const string Invalid = "invalid";

    public string Name => name;

    public byte[] Generate(Random random)
    {
        var text = new StringBuilder();
        for (int count = random.Next(1, 12); count > 0; count--)
        {
            text.Append(pieces[random.Next(pieces.Length)]);
        }

        return Encoding.Latin1.GetBytes(text.ToString());
    }

    public void Run(byte[] input, FeatureSet features)
    {
        string verdict = Compare(input, Encoding.Latin1.GetString(input));
        features.AddOutcome(verdict);
        int verdictKind = FeatureSet.KindOf(verdict);
        features.Add(verdictKind + 1_000_000 + int.Log2(input.Length + 1));

        // Which kinds of characters stand side by side in what is taken and in what is refused.
        char previous = '^';
        foreach (byte next in input)
        {
            char kind = KindOf(next);
            features.Add(verdictKind + (previous << 8) + kind);
            previous = kind;
        }
    }

    /// <summary>Reads the input both ways and says in a word or two what it was.</summary>
    /// <param name="input">The bytes.</param>
    /// <param name="text">The same, one character a byte.</param>
    protected abstract string Compare(byte[] input, string text);

    private static char KindOf(byte next) => (char)next switch
    {
        '0' => '0',
        >= '1' and <= '9' => '9',
        >= 'a' and <= 'f' => 'f',
        >= 'g' and <= 'z' => 'z',
        >= 'A' and <= 'Z' => 'Z',
        < ' ' or > '~' => '?',
        _ => (char)next,
    };
}
