using System.Text;

namespace Mesh.Node.Model.Balancing.Hashing;

/// <summary>
/// A table in which endpoints take slots in turn, each by an order of its own; a key belongs to the slot its hash falls on. Shares are
/// nearly exact and a look-up is one step; when an endpoint leaves, a few keys of others move too (Eisenbud et al., NSDI 2016, §3.4).
/// </summary>
public sealed class MaglevTable : ConsistentHash
{
    /// <summary>Slots unless said otherwise (reference B.2).</summary>
    public const int SlotsDefault = 65_537;

    /// <summary>No table has more slots.</summary>
    public const int SlotsMax = 5_000_011;

    private readonly int[] _endpoints;

    private MaglevTable(int[] endpoints) => _endpoints = endpoints;

    private protected override int SlotCount => _endpoints.Length;

    /// <summary>Makes a table.</summary>
    /// <param name="endpoints">The endpoints, of distinct names.</param>
    /// <param name="slots">A prime up to <see cref="SlotsMax"/>; a hundred times the endpoints share within a percent.</param>
    /// <exception cref="ArgumentException"><paramref name="slots"/> is no prime: an order would not reach every slot.</exception>
    public static MaglevTable Create(ReadOnlySpan<HashedEndpoint> endpoints, int slots = SlotsDefault)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(slots, SlotsMax);
        if (!IsPrime(slots))
        {
            throw new ArgumentException($"{slots} is not a prime.", nameof(slots));
        }

        var takers = new List<Taker>(endpoints.Length);
        uint heaviest = 0;
        for (int i = 0; i < endpoints.Length; i++)
        {
            if (endpoints[i].Weight > 0)
            {
                byte[] name = Encoding.UTF8.GetBytes(endpoints[i].Name);
                ulong start = HashOf(name) % (ulong)slots;
                ulong step = (HashOf([.. name, 0]) % (ulong)(slots - 1)) + 1;
                takers.Add(new Taker(i, endpoints[i].Weight, start, step));
                heaviest = Math.Max(heaviest, endpoints[i].Weight);
            }
        }

        return new MaglevTable(takers.Count == 0 ? [] : Fill(takers, heaviest, slots));
    }

    private protected override int SlotOf(ulong hash) => (int)(hash % (ulong)_endpoints.Length);

    private protected override int EndpointAt(int slot) => _endpoints[slot];

    /// <summary>In each round the heaviest takes a slot, and the others as often as their weights are parts of its.</summary>
    private static int[] Fill(List<Taker> takers, uint heaviest, int slots)
    {
        int[] table = new int[slots];
        Array.Fill(table, None);
        int left = slots;
        for (ulong round = 1; left > 0; round++)
        {
            foreach (Taker taker in takers)
            {
                if (left > 0 && taker.Taken * heaviest < round * taker.Weight)
                {
                    table[taker.TakeFrom(table)] = taker.Endpoint;
                    left--;
                }
            }
        }

        return table;
    }

    private static bool IsPrime(int number)
    {
        for (int divisor = 2; (long)divisor * divisor <= number; divisor++)
        {
            if (number % divisor == 0)
            {
                return false;
            }
        }

        return number > 1;
    }

    /// <summary>An endpoint while the table is filled.</summary>
    private sealed class Taker(int endpoint, uint weight, ulong start, ulong step)
    {
        private ulong _next = start;

        public int Endpoint => endpoint;

        public ulong Weight => weight;

        public ulong Taken { get; private set; }

        /// <summary>The next slot of its order that is free; there is one.</summary>
        public int TakeFrom(int[] table)
        {
            while (table[_next] != None)
            {
                _next = (_next + step) % (ulong)table.Length;
            }

            Taken++;
            return (int)_next;
        }
    }
}
