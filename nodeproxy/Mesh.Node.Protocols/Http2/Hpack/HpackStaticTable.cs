using System.Text;

namespace Mesh.Node.Protocols.Http2.Hpack;

/// <summary>The static table of RFC 7541 appendix A. Immutable.</summary>
public static class HpackStaticTable
{
    /// <summary>Entries, numbered from 1.</summary>
    public const int Count = 61;

    private const int SlotCount = 256;

    private static readonly (string Name, string Value)[] s_text =
    [
        (":authority", ""), (":method", "GET"), (":method", "POST"), (":path", "/"), (":path", "/index.html"), (":scheme", "http"),
        (":scheme", "https"), (":status", "200"), (":status", "204"), (":status", "206"), (":status", "304"), (":status", "400"),
        (":status", "404"), (":status", "500"), ("accept-charset", ""), ("accept-encoding", "gzip, deflate"), ("accept-language", ""),
        ("accept-ranges", ""), ("accept", ""), ("access-control-allow-origin", ""), ("age", ""), ("allow", ""), ("authorization", ""),
        ("cache-control", ""), ("content-disposition", ""), ("content-encoding", ""), ("content-language", ""), ("content-length", ""),
        ("content-location", ""), ("content-range", ""), ("content-type", ""), ("cookie", ""), ("date", ""), ("etag", ""), ("expect", ""),
        ("expires", ""), ("from", ""), ("host", ""), ("if-match", ""), ("if-modified-since", ""), ("if-none-match", ""), ("if-range", ""),
        ("if-unmodified-since", ""), ("last-modified", ""), ("link", ""), ("location", ""), ("max-forwards", ""),
        ("proxy-authenticate", ""), ("proxy-authorization", ""), ("range", ""), ("referer", ""), ("refresh", ""), ("retry-after", ""),
        ("server", ""), ("set-cookie", ""), ("strict-transport-security", ""), ("transfer-encoding", ""), ("user-agent", ""),
        ("vary", ""), ("via", ""), ("www-authenticate", ""),
    ];

    private static readonly byte[][] s_names = Array.ConvertAll(s_text, static entry => Encoding.ASCII.GetBytes(entry.Name));
    private static readonly byte[][] s_values = Array.ConvertAll(s_text, static entry => Encoding.ASCII.GetBytes(entry.Value));

    /// <summary>Open addressing by <see cref="HpackHash"/> of the name: the index of the first entry of that name, or zero.</summary>
    private static readonly byte[] s_slots = BuildSlots();

    /// <summary>Name of entry 1 to <see cref="Count"/>.</summary>
    public static ReadOnlySpan<byte> Name(int index) => s_names[index - 1];

    /// <summary>Value of entry 1 to <see cref="Count"/>.</summary>
    public static ReadOnlySpan<byte> Value(int index) => s_values[index - 1];

    /// <summary>Finds a name, and its value if the table has the pair.</summary>
    /// <param name="nameHash"><see cref="HpackHash.Of"/> of the name.</param>
    /// <param name="name">The name.</param>
    /// <param name="value">The value.</param>
    /// <param name="fieldIndex">The entry of exactly this field, or zero.</param>
    /// <returns>The first entry of this name, or zero.</returns>
    public static int Find(int nameHash, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, out int fieldIndex)
    {
        fieldIndex = 0;
        int first = 0;
        for (int slot = nameHash & (SlotCount - 1); s_slots[slot] != 0; slot = (slot + 1) & (SlotCount - 1))
        {
            if (name.SequenceEqual(s_names[s_slots[slot] - 1]))
            {
                first = s_slots[slot];
                break;
            }
        }

        // Entries of one name stand together.
        for (int index = first; index != 0 && index <= Count && name.SequenceEqual(s_names[index - 1]); index++)
        {
            if (value.SequenceEqual(s_values[index - 1]))
            {
                fieldIndex = index;
                break;
            }
        }

        return first;
    }

    private static byte[] BuildSlots()
    {
        byte[] slots = new byte[SlotCount];
        for (int index = 1; index <= Count; index++)
        {
            if (index > 1 && s_names[index - 1].AsSpan().SequenceEqual(s_names[index - 2]))
            {
                continue;
            }

            int slot = HpackHash.Of(s_names[index - 1]) & (SlotCount - 1);
            while (slots[slot] != 0)
            {
                slot = (slot + 1) & (SlotCount - 1);
            }

            slots[slot] = (byte)index;
        }

        return slots;
    }
}
