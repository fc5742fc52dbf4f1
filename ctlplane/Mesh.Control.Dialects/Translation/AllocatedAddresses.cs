using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using Mesh.Control.Dialects.Istio;
using Mesh.Control.Model.Canonical;

namespace Mesh.Control.Dialects.Translation;

/// <summary>The virtual addresses given to one host of a ServiceEntry that names none.</summary>
internal readonly record struct AllocatedHost(string Namespace, string Entry, string Host, ushort Slot)
{
    /// <summary>One address of each family; the same slot in both.</summary>
    public ImmutableArray<VirtualAddress> Addresses =>
    [
        new VirtualAddress(new IPAddress([240, 240, (byte)(Slot >> 8), (byte)Slot]), PrefixLength: null),
        new VirtualAddress(
            new IPAddress([0x20, 0x01, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 240, 240, (byte)(Slot >> 8), (byte)Slot]), PrefixLength: null),
    ];
}

/// <summary>
/// Gives virtual addresses to the hosts of ServiceEntries that name none, so that DNS has something to answer and a connection says which
/// host it is for: Istio's ranges, 240.240.0.0/16 and 2001:2::/48.
/// </summary>
/// <remarks>
/// An address follows from the namespace and the host alone, so that every start and every replica comes to the same. Where two hosts come
/// to one slot, the older entry keeps it and the other takes the next free one; so an address changes only if an entry that takes part in
/// such a clash goes, or one without a time of creation comes before it.
/// </remarks>
internal static class AllocatedAddresses
{
    // The first and the last address of the range are left out.
    private const int SlotCount = 65_534;

    /// <returns>In the order of their turns.</returns>
    public static ImmutableArray<AllocatedHost> Of(IEnumerable<Reading> readings)
    {
        ServiceEntrySpec[] entries = [.. readings.Select(reading => reading.Spec).OfType<ServiceEntrySpec>()];
        HashSet<int> taken = [.. entries.SelectMany(entry => entry.Addresses).Select(SlotOf).OfType<int>()];
        var seen = new HashSet<ServiceKey>();
        ImmutableArray<AllocatedHost>.Builder allocated = ImmutableArray.CreateBuilder<AllocatedHost>();
        IEnumerable<(ServiceEntrySpec Entry, string Host)> turns = entries
            .Where(IsDue)
            .SelectMany(entry => entry.Hosts.Where(host => !host.StartsWith('*')).Select(host => (Entry: entry, Host: host)))
            .OrderBy(turn => turn.Entry.Allocation.CreatedAt ?? DateTimeOffset.MaxValue)
            .ThenBy(turn => turn.Entry.Namespace, StringComparer.Ordinal)
            .ThenBy(turn => turn.Entry.Name, StringComparer.Ordinal)
            .ThenBy(turn => turn.Host, StringComparer.Ordinal);
        foreach ((ServiceEntrySpec entry, string host) in turns)
        {
            var key = new ServiceKey(entry.Namespace, host);
            if (taken.Count >= SlotCount || !seen.Add(key))
            {
                continue;
            }

            int slot = Choice(key);
            while (!taken.Add(slot))
            {
                slot = slot == SlotCount ? 1 : slot + 1;
            }

            allocated.Add(new AllocatedHost(entry.Namespace, entry.Name, host, (ushort)slot));
        }

        return allocated.ToImmutable();
    }

    /// <summary>A connection to an address of ours could not go on where its client sent it, so resolution NONE gets none.</summary>
    private static bool IsDue(ServiceEntrySpec entry) =>
        entry.Addresses.IsEmpty && entry.Resolution != EndpointResolution.None && entry.Allocation.IsWelcome;

    private static int Choice(ServiceKey key) =>
        1 + (int)(BinaryPrimitives.ReadUInt64BigEndian(SHA256.HashData(Encoding.UTF8.GetBytes(key.ToString()))) % SlotCount);

    /// <summary>The slot that somebody has chosen for himself within the ranges.</summary>
    private static int? SlotOf(VirtualAddress address)
    {
        byte[] bytes = address.Address.GetAddressBytes();
        return bytes.AsSpan(0, bytes.Length - 2).SequenceEqual((ReadOnlySpan<byte>)[240, 240])
            || bytes.AsSpan(0, bytes.Length - 2).SequenceEqual((ReadOnlySpan<byte>)[0x20, 0x01, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 240, 240])
            ? BinaryPrimitives.ReadUInt16BigEndian(bytes.AsSpan(bytes.Length - 2))
            : null;
    }
}
