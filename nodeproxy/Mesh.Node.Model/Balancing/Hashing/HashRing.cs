using System.Buffers.Binary;
using System.Text;

namespace Mesh.Node.Model.Balancing.Hashing;

/// <summary>
/// A ring of points, several for each endpoint by its weight; a key belongs to the point at or after its hash. When an endpoint leaves,
/// its keys move, and of the others only those that points fall before which their endpoints gain by it.
/// </summary>
public sealed class HashRing : ConsistentHash
{
    /// <summary>Points of a ring unless said otherwise (reference B.2).</summary>
    public const int PointsMinDefault = 1_024;

    /// <summary>No ring has more points, whatever is asked for: 96 MiB.</summary>
    public const int PointsMax = 8 * 1024 * 1024;

    private readonly ulong[] _points;
    private readonly int[] _endpoints;

    private HashRing(ulong[] points, int[] endpoints)
    {
        _points = points;
        _endpoints = endpoints;
    }

    private protected override int SlotCount => _points.Length;

    /// <summary>Makes a ring.</summary>
    /// <param name="endpoints">The endpoints, of distinct names.</param>
    /// <param name="pointsMin">At least as many points, 1 to <see cref="PointsMax"/>; more of them share more evenly.</param>
    public static HashRing Create(ReadOnlySpan<HashedEndpoint> endpoints, int pointsMin = PointsMinDefault)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(pointsMin, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(pointsMin, PointsMax);
        ulong total = 0;
        foreach (HashedEndpoint endpoint in endpoints)
        {
            total += endpoint.Weight;
        }

        var points = new List<ulong>(pointsMin + endpoints.Length);
        var owners = new List<int>(pointsMin + endpoints.Length);
        Span<byte> key = stackalloc byte[sizeof(ulong) + sizeof(int)];
        for (int i = 0; i < endpoints.Length; i++)
        {
            // Rounded up, so that whoever has weight has a point.
            ulong share = total == 0 ? 0 : (((ulong)pointsMin * endpoints[i].Weight) + total - 1) / total;
            BinaryPrimitives.WriteUInt64LittleEndian(key, HashOf(Encoding.UTF8.GetBytes(endpoints[i].Name)));
            for (ulong point = 0; point < share; point++)
            {
                BinaryPrimitives.WriteInt32LittleEndian(key[sizeof(ulong)..], (int)point);
                points.Add(HashOf(key));
                owners.Add(i);
            }
        }

        ulong[] sorted = [.. points];
        int[] sortedOwners = [.. owners];
        Array.Sort(sorted, sortedOwners);
        return new HashRing(sorted, sortedOwners);
    }

    private protected override int SlotOf(ulong hash)
    {
        int found = Array.BinarySearch(_points, hash);
        int at = found >= 0 ? found : ~found;
        return at == _points.Length ? 0 : at;
    }

    private protected override int EndpointAt(int slot) => _endpoints[slot];
}
