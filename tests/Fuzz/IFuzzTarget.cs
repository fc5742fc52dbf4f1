namespace Mesh.Fuzz;

/// <summary>One parser, and the slow and obvious reader it is held against.</summary>
internal interface IFuzzTarget
{
    /// <summary>The name on the command line and of the corpus folder.</summary>
    string Name { get; }

    /// <summary>Assemblies whose edges are counted, to see which inputs reach something new.</summary>
    IReadOnlyList<string> Assemblies => ["Mesh.Node.Protocols"];

    /// <summary>Makes an input that is mostly right, so that mutations reach deep.</summary>
    byte[] Generate(Random random);

    /// <summary>Changes an input in a way that only this format knows, or returns null to leave it to the general ways.</summary>
    byte[]? Mutate(byte[] input, Random random) => null;

    /// <summary>Runs one input. Throws whatever is wrong; notes in <paramref name="features"/> what was reached.</summary>
    void Run(byte[] input, FeatureSet features);
}
