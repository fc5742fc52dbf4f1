namespace Mesh.Fuzz;

/// <summary>A parser and its oracle disagree, or a rule that must always hold was broken.</summary>
internal sealed class FuzzFailure(string message) : Exception(message)
{
    public static void ThrowUnlessEqual<T>(T expected, T actual, string what)
        where T : IEquatable<T>
    {
        if (!expected.Equals(actual))
        {
            throw new FuzzFailure($"{what}: the oracle says {expected}, the parser {actual}.");
        }
    }

    public static void ThrowUnlessSame(IReadOnlyList<string> expected, IReadOnlyList<string> actual, string what)
    {
        if (!expected.SequenceEqual(actual))
        {
            throw new FuzzFailure(
                $"{what}\n  the oracle says:\n    {string.Join("\n    ", expected)}\n  the parser says:\n    {string.Join("\n    ", actual)}");
        }
    }
}
