using System.Diagnostics;

namespace Mesh.Fuzz;

/// <summary>Runs one target: first its corpus, then generated and mutated inputs until time is up or something is wrong.</summary>
/// <remarks>
/// Inputs that reach something new (<see cref="FeatureSet"/>) join the ones that are mutated. A run is repeatable: the seed decides
/// everything but how many inputs fit into the time.
/// </remarks>
internal sealed class FuzzRunner(IFuzzTarget target, int seed, CoverageMap coverage, TextWriter log)
{
    private const int ShrinkStepsMax = 2_000;

    private readonly Random _random = new(seed);
    private readonly FeatureSet _features = new();
    private readonly List<byte[]> _pool = [];

    /// <summary>Inputs run so far.</summary>
    public long Inputs { get; private set; }

    /// <summary>Different things reached so far.</summary>
    public int Features => _features.Count;

    /// <summary>How inputs ended so far.</summary>
    public IEnumerable<string> Outcomes => _features.Outcomes;

    /// <summary>Runs until <paramref name="duration"/> is over.</summary>
    /// <param name="corpus">Inputs to begin with.</param>
    /// <param name="duration">How long to go on after them.</param>
    /// <returns>The input that failed, made as short as possible, or null.</returns>
    public byte[]? Run(IEnumerable<byte[]> corpus, TimeSpan duration)
    {
        foreach (byte[] input in corpus)
        {
            if (!TryInput(input))
            {
                return Shrink(input);
            }
        }

        long end = Stopwatch.GetTimestamp() + (long)(duration.TotalSeconds * Stopwatch.Frequency);
        while (Stopwatch.GetTimestamp() < end)
        {
            byte[] input = Next();
            if (!TryInput(input))
            {
                return Shrink(input);
            }
        }

        return null;
    }

    /// <summary>A few short inputs that together take every edge and end in every way that was reached.</summary>
    public IEnumerable<byte[]> ChooseCorpus()
    {
        var reached = new FeatureSet(isCoarse: true);
        return _pool.OrderBy(input => input.Length).Where(input => FaultOf(input, reached) is null && reached.FoundNew);
    }

    private byte[] Next()
    {
        if (_pool.Count == 0 || _random.Next(4) == 0)
        {
            return target.Generate(_random);
        }

        byte[] input = _pool[_random.Next(_pool.Count)];
        byte[] other = _pool[_random.Next(_pool.Count)];
        return (_random.Next(2) == 0 ? target.Mutate(input, _random) : null) ?? Mutator.Mutate(input, other, _random);
    }

    private bool TryInput(byte[] input)
    {
        Inputs++;
        Exception? fault = FaultOf(input, _features);
        if (fault is not null)
        {
            log.WriteLine(fault is FuzzFailure ? fault.Message : fault.ToString());
            return false;
        }

        if (_features.FoundNew)
        {
            _pool.Add(input);
        }

        return true;
    }

    private Exception? FaultOf(byte[] input, FeatureSet features)
    {
        features.BeginInput();
        coverage.BeginInput();
        try
        {
            target.Run(input, features);
            coverage.AddTo(features);
            return null;
        }
#pragma warning disable CA1031 // Whatever a parser throws at an input is what this program looks for.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            return fault;
        }
    }

    /// <summary>Takes parts out of a failing input for as long as it goes on failing.</summary>
    private byte[] Shrink(byte[] input)
    {
        byte[] shortest = input;
        int part = Math.Max(1, input.Length / 2);
        for (int step = 0; step < ShrinkStepsMax && part > 0; step++)
        {
            bool shrunk = false;
            for (int at = 0; at < shortest.Length; at += part)
            {
                byte[] shorter = [.. shortest[..at], .. shortest[Math.Min(shortest.Length, at + part)..]];
                if (FaultOf(shorter, new FeatureSet()) is not null)
                {
                    shortest = shorter;
                    shrunk = true;
                    break;
                }
            }

            part = shrunk ? part : part / 2;
        }

        log.WriteLine($"Shortened from {input.Length} to {shortest.Length} bytes:");
        log.WriteLine(FaultOf(shortest, new FeatureSet())?.Message);
        return shortest;
    }
}
