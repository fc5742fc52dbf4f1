namespace Mesh.Node.Model.Balancing;

/// <summary>
/// A random number generator that is a value: each owner keeps its own and passes it by reference, so picks share nothing and tests
/// repeat. SplitMix64; not for secrets.
/// </summary>
public struct RandomState
{
    private ulong _state;

    public RandomState(ulong seed) => _state = seed;

    /// <summary>64 random bits.</summary>
    public ulong Next()
    {
        ulong mixed = _state += 0x9E37_79B9_7F4A_7C15;
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58_476D_1CE4_E5B9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94D0_49BB_1331_11EB;
        return mixed ^ (mixed >> 31);
    }

    /// <summary>
    /// A number from 0 to <paramref name="bound"/> - 1. The bias, at most bound / 2^64, is far below what anyone could measure.
    /// </summary>
    public ulong Next(ulong bound)
    {
        ArgumentOutOfRangeException.ThrowIfZero(bound);
        return Math.BigMul(Next(), bound, out _);
    }
}
