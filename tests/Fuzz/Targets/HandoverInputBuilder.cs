using System.Text;

namespace Mesh.Fuzz.Targets;

/// <summary>
/// Writes hand-over messages that are mostly right: fields in any order, some twice, some foreign, some of the wrong kind.
/// </summary>
internal sealed class HandoverInputBuilder(Random random)
{
    private static readonly string[] s_names = ["u", "cart-0", "shop", "0f6c-1", "a.b_c", "", "a/b", "\u00e9", "\0", new('x', 128), new('x', 129), new('y', 253), new('y', 254)];
    private static readonly string[] s_texts = ["", "/", "/healthz", "x", "http", "grpc", "tcp", "tproxy", "redirect", "failed \u20ac\U0001F600", new('z', 300), new string('z', 249) + "\U0001F600z"];
    private static readonly ulong[] s_numbers = [0, 1, 2, 80, 1_023, 1_024, 32_768, 32_769, 65_535, 65_536, uint.MaxValue, 0x1_0000_0001, ulong.MaxValue];

    public byte[] Hello() => Fields(random.Next(4), () => Number(random.Next(2) == 0 ? 1 : 100, random.Next(3) == 0 ? 1 : Any(s_numbers)));

    public byte[] Ack() => Repeated(1, () => Fields(random.Next(3), () => Text(1, Any(s_texts))));

    public byte[] Request() => random.Next(6) switch
    {
        0 => Repeated(5, () => Fields(1, () => Text(1, Name()))),
        1 => Repeated(2, () => Fields(1, () => Text(2, Name()))),
        2 => Repeated(3, () => []),
        _ => Repeated(1, Add),
    };

    private byte[] Add() =>
        [.. Often(() => Text(1, Name())), .. Often(() => Delimited(2, Workload())), .. random.Next(8) == 0 ? Delimited(2, Workload()) : []];

    private byte[] Workload() =>
    [
        .. Often(() => Text(1, Name())), .. Often(() => Text(2, Name())), .. Often(() => Text(3, Name())),
        .. random.Next(3) == 0 ? [] : Delimited(100, Details()),
    ];

    private byte[] Details()
    {
        // Around the limits now and then, which random lists would hardly reach.
        int Count(int most) => random.Next(20) == 0 ? most + random.Next(2) : random.Next(4);
        return
        [
            .. Many(Count(64), _ => Delimited(1, Address())), .. Many(Count(64), _ => Delimited(2, Address())),
            .. Many(Count(256), _ => Delimited(3, Probe())), .. Many(Count(128), i => Delimited(4, Annotation(i))),
            .. Often(() => Text(5, random.Next(2) == 0 ? "tproxy" : "redirect")),
            .. random.Next(10) == 0 ? Text(5, Any(s_texts)) : [],
        ];
    }

    private byte[] Address()
    {
        byte[] address = new byte[random.Next(20) == 0 ? random.Next(18) : random.Next(2) == 0 ? 4 : 16];
        random.NextBytes(address);
        if (address.Length == 16 && random.Next(3) == 0)
        {
            address.AsSpan(0, 10).Clear();
            address.AsSpan(10, 2).Fill(0xFF);
        }

        return address;
    }

    private byte[] Probe() => random.Next(5) switch
    {
        0 => [.. Text(1, "grpc"), .. Number(2, 80), .. Text(4, Any(s_texts))],
        1 => [.. Text(1, "tcp"), .. Number(2, random.Next(20) == 0 ? Any(s_numbers) : 1)],
        2 when random.Next(10) == 0 => [.. Text(1, Any(s_texts)), .. Number(2, Any(s_numbers)), .. Text(3, Any(s_texts)), .. Text(4, Any(s_texts))],
        _ => [.. Text(1, "http"), .. Number(2, 65_535), .. Text(3, "/healthz")],
    };

    private byte[] Annotation(int index) => random.Next(4) switch
    {
        0 => Text(2, Any(s_texts)),
        1 => Text(1, $"{index}"),
        _ => [.. Text(1, $"mesh-node.io/{index}"), .. Text(2, Any(s_texts))],
    };

    private byte[] Foreign() => random.Next(5) switch
    {
        0 => Number(random.Next(1, 200), Any(s_numbers)),
        1 => [.. Varint((ulong)((random.Next(1, 20) << 3) | 1)), .. new byte[8]],
        2 => [.. Varint((ulong)((random.Next(1, 20) << 3) | 5)), .. new byte[4]],
        3 => Nested(random.Next(1, random.Next(10) == 0 ? 104 : 4)),
        _ => Delimited(random.Next(1, 20), [.. Varint(Any(s_numbers))]),
    };

    /// <summary>Groups within groups, closed or not.</summary>
    private byte[] Nested(int depth)
    {
        byte[] inside = depth == 1 ? Number(1, 1) : Nested(depth - 1);
        return [.. Varint((9 << 3) | 3), .. inside, .. Varint((ulong)(((random.Next(200) == 0 ? 8 : 9) << 3) | 4))];
    }

    private byte[] Repeated(int number, Func<byte[]> content)
    {
        byte[] once = [.. Often(Array.Empty<byte>), .. Delimited(number, content())];
        return random.Next(6) switch
        {
            0 => [.. once, .. Delimited(number, content())],
            1 => [.. Delimited(random.Next(1, 6), content()), .. once],
            _ => once,
        };
    }

    private byte[] Often(Func<byte[]> field) => random.Next(15) switch
    {
        0 => [],
        1 => [.. field(), .. Foreign()],
        2 => [.. field(), .. field()],
        _ => field(),
    };

    private byte[] Fields(int count, Func<byte[]> field) => Many(count, _ => Often(field));

    private static byte[] Many(int count, Func<int, byte[]> part) => [.. Enumerable.Range(0, count).SelectMany(part)];

    private string Name() => random.Next(6) == 0 ? Any(s_names) : s_names[random.Next(5)];

    private T Any<T>(T[] choices) => choices[random.Next(choices.Length)];

    private static byte[] Text(int number, string text) => Delimited(number, Encoding.UTF8.GetBytes(text));

    private static byte[] Number(int number, ulong value) => [.. Varint((ulong)number << 3), .. Varint(value)];

    private static byte[] Delimited(int number, byte[] bytes) => [.. Varint(((ulong)number << 3) | 2), .. Varint((ulong)bytes.Length), .. bytes];

    private static List<byte> Varint(ulong value)
    {
        List<byte> bytes = [];
        for (; value >= 0x80; value >>= 7)
        {
            bytes.Add((byte)(value | 0x80));
        }

        bytes.Add((byte)value);
        return bytes;
    }
}
