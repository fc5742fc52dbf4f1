using System.Globalization;

namespace Mesh.Fuzz;

/// <summary>What the command line asks for.</summary>
/// <param name="Target">Name of the target.</param>
/// <param name="Seconds">How long to run after the corpus.</param>
/// <param name="Corpus">Folder of inputs to begin with; null for the target's own beside the program.</param>
/// <param name="Seed">Decides every random choice.</param>
/// <param name="Keep">True to write a small set of inputs into the corpus folder.</param>
/// <param name="IsInstrumented">True in the copy of the program that runs the inputs.</param>
internal sealed record FuzzCommand(string Target, int Seconds, string? Corpus, int Seed, bool Keep, bool IsInstrumented)
{
    public const string Usage = """
        Usage: Mesh.Fuzz TARGET --seconds N [--corpus DIR] [--seed N] [--keep]
               Mesh.Fuzz list

          --corpus DIR   inputs to begin with; a single FILE repeats one input
          --seed N       decides every random choice (default 1)
          --keep         writes a small set of inputs that reaches all that was reached into the corpus folder
        """;

    /// <summary>Where inputs are read from: what was asked for, or what lies beside the program.</summary>
    public string CorpusOf(IFuzzTarget target) => Path.GetFullPath(Corpus ?? Path.Combine(AppContext.BaseDirectory, "corpus", target.Name));

    /// <returns>The command, or null and a sentence about what is wrong.</returns>
    public static (FuzzCommand? Command, string Problem) Parse(ReadOnlySpan<string> arguments)
    {
        if (arguments.IsEmpty || arguments[0].StartsWith('-'))
        {
            return (null, "The target is missing.");
        }

        var command = new FuzzCommand(arguments[0], Seconds: -1, Corpus: null, Seed: 1, Keep: false, IsInstrumented: false);
        for (int i = 1; i < arguments.Length; i++)
        {
            string option = arguments[i];
            if (option is "--keep" or Instrumentation.Option)
            {
                command = option == "--keep" ? command with { Keep = true } : command with { IsInstrumented = true };
                continue;
            }

            if (++i == arguments.Length)
            {
                return (null, $"{option} needs a value.");
            }

            string value = arguments[i];
            bool isNumber = int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int number);
            switch (option)
            {
                case "--seconds" when isNumber:
                    command = command with { Seconds = number };
                    break;
                case "--seed" when isNumber:
                    command = command with { Seed = number };
                    break;
                case "--corpus":
                    command = command with { Corpus = value };
                    break;
                default:
                    return (null, $"{option} {value} is not understood.");
            }
        }

        return command.Seconds < 0 ? (null, "--seconds is missing.") : (command, "");
    }
}
