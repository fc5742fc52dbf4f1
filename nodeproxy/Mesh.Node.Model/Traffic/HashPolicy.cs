using System.Text;
using Mesh.Node.Model.Balancing.Hashing;

namespace Mesh.Node.Model.Traffic;

/// <summary>What of a request decides on its endpoint, and by which kind of table. Immutable; any thread.</summary>
public sealed class HashPolicy
{
    private readonly byte[] _name;
    private readonly byte[] _cookiePath;

    /// <param name="key">Where the key is taken from.</param>
    /// <param name="name">The header's, cookie's or parameter's; empty for an address.</param>
    /// <param name="cookiePath">The path of a cookie that is made; empty for none.</param>
    public HashPolicy(HashKey key, string name = "", string cookiePath = "")
    {
        ArgumentNullException.ThrowIfNull(name);
        Key = key;
        Name = key == HashKey.Header ? name.ToLowerInvariant() : name;
        CookiePath = cookiePath;
        _name = Encoding.UTF8.GetBytes(Name);
        _cookiePath = Encoding.UTF8.GetBytes(cookiePath);
    }

    public HashKey Key { get; }

    /// <summary>The header's (lower case), cookie's or parameter's; empty for an address.</summary>
    public string Name { get; }

    /// <inheritdoc cref="Name"/>
    public ReadOnlySpan<byte> NameBytes => _name;

    /// <summary>
    /// How long a cookie lives that is made for a client without one; zero for its session; null when none is made, so that such a client
    /// goes anywhere.
    /// </summary>
    public TimeSpan? CookieTtl { get; init; }

    /// <summary>The path of a cookie that is made; empty for none.</summary>
    public string CookiePath { get; }

    /// <inheritdoc cref="CookiePath"/>
    public ReadOnlySpan<byte> CookiePathBytes => _cookiePath;

    public HashTableKind Table { get; init; }

    /// <summary>Points of a ring at least, or slots of a Maglev table (a prime).</summary>
    public int TableSize { get; init; } = HashRing.PointsMinDefault;

    public override string ToString() => Name.Length == 0 ? $"{Key}" : $"{Key} {Name}";
}

/// <summary>What of a request decides on its endpoint.</summary>
public enum HashKey
{
    Header,
    Cookie,
    QueryParameter,

    /// <summary>The client's address, without its port.</summary>
    SourceAddress,
}

/// <summary>How keys are led to endpoints.</summary>
public enum HashTableKind
{
    Ring,
    Maglev,
}
