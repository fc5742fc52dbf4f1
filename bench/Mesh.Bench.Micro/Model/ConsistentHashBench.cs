using BenchmarkDotNet.Attributes;
using Mesh.Node.Model.Balancing.Hashing;

namespace Mesh.Bench.Micro.Model;

/// <summary>Leading a key to one of a thousand endpoints, its hash included. Budget: 0 B.</summary>
[Config(typeof(StableAllocationConfig))]
public class ConsistentHashBench
{
    private const int Endpoints = 1_000;

    private static readonly byte[] s_key = "0123456789abcdef0123456789abcdef"u8.ToArray();

    private readonly bool[] _usable = [.. Enumerable.Repeat(true, Endpoints)];
    private readonly HashRing _ring = HashRing.Create(Named());
    private readonly MaglevTable _table = MaglevTable.Create(Named());

    [Benchmark]
    public int Ring() => _ring.Pick(ConsistentHash.HashOf(s_key), _usable);

    [Benchmark]
    public int Table() => _table.Pick(ConsistentHash.HashOf(s_key), _usable);

    private static HashedEndpoint[] Named() =>
        [.. Enumerable.Range(0, Endpoints).Select(index => new HashedEndpoint($"Kubernetes//Pod/shop/catalog-{index}", 1))];
}
