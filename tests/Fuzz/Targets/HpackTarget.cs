using System.Text;
using Mesh.Fuzz.Oracles;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http2.Hpack;

namespace Mesh.Fuzz.Targets;

/// <summary>Header blocks that share one dynamic table, against the slow decoder; what was decoded is encoded and decoded again.</summary>
/// <remarks>
/// An input is a sequence of blocks: two bytes of length, the block. The length's top bit says that a new table limit of two bytes comes
/// first.
/// </remarks>
internal sealed class HpackTarget : IFuzzTarget
{
    private const int ListBytesMax = 3_000;
    private const int ListBytesFatal = 9_000;

    private static readonly string[] s_names = [":path", ":authority", "cookie", "x", "accept", "traceparent", "set-cookie", "a-long-name-of-no-table"];

    public string Name => "hpack";

    public byte[] Generate(Random random)
    {
        var encoder = new HpackEncoder();
        List<byte> input = [];
        for (int blocks = random.Next(1, 6); blocks > 0; blocks--)
        {
            int limit = random.Next(4) == 0 ? random.Next(5_000) : -1;
            if (limit >= 0)
            {
                encoder.SetTableLimit(limit);
            }

            byte[] block = random.Next(3) == 0 ? Handmade(random) : Encoded(encoder, random);
            input.AddRange([(byte)((limit >= 0 ? 0x80 : 0) | (block.Length >> 8)), (byte)block.Length]);
            if (limit >= 0)
            {
                input.AddRange([(byte)(limit >> 8), (byte)limit]);
            }

            input.AddRange(block);
        }

        return [.. input];
    }

    public void Run(byte[] input, FeatureSet features)
    {
        var decoder = new HpackDecoder(ListBytesMax, ListBytesFatal);
        var oracle = new SlowHpackDecoder(ListBytesMax, ListBytesFatal);
        var encoder = new HpackEncoder();
        var again = new HpackDecoder(int.MaxValue, int.MaxValue);
        var headers = new HeaderList();
        int at = 0;
        while (at + 2 <= input.Length)
        {
            int length = ((input[at] & 0x7F) << 8) | input[at + 1];
            bool hasLimit = input[at] >= 0x80;
            at += 2;
            if (hasLimit && at + 2 <= input.Length)
            {
                int limit = (input[at] << 8) | input[at + 1];
                at += 2;
                decoder.SetTableLimit(limit);
                oracle.SetTableLimit(limit);
                encoder.SetTableLimit(limit);
                again.SetTableLimit(limit);
            }

            byte[] block = input[at..Math.Min(input.Length, at + length)];
            at += block.Length;
            headers.Clear();
            HpackStatus status = decoder.Decode(block, headers);
            (HpackStatus expected, List<SlowField> fields) = oracle.Decode(block);
            features.AddOutcome(status.ToString());
            features.Add(1_000 + (headers.Count * 32) + (int)status);
            features.Add(100_000 + (decoder.TableBytes / 64));
            if (status != expected)
            {
                throw new FuzzFailure($"The oracle says {expected}, the decoder {status}.");
            }

            FuzzFailure.ThrowUnlessSame([.. fields.Select(field => field.ToString())], Text(headers), "Decoding:");
            FuzzFailure.ThrowUnlessEqual(oracle.TableBytes, decoder.TableBytes, "Table size");
            if (status is not (HpackStatus.Ok or HpackStatus.ListTooLarge))
            {
                return;
            }

            EncodeAndDecode(headers, encoder, again);
        }
    }

    private static void EncodeAndDecode(HeaderList headers, HpackEncoder encoder, HpackDecoder decoder)
    {
        byte[] block = new byte[HpackEncoder.EncodedBytesMax(headers)];
        int bytes = encoder.Encode(headers, block);
        var decoded = new HeaderList();
        HpackStatus status = decoder.Decode(block.AsSpan(0, bytes), decoded);
        if (status != HpackStatus.Ok)
        {
            throw new FuzzFailure($"What was encoded decodes with {status}.");
        }

        FuzzFailure.ThrowUnlessSame(Plain(headers), Plain(decoded), "Encoding:");
        FuzzFailure.ThrowUnlessEqual(encoder.TableBytes, decoder.TableBytes, "Table size after encoding");
        for (int i = 0; i < headers.Count; i++)
        {
            if (headers[i].NeverIndex && !decoded[i].NeverIndex)
            {
                throw new FuzzFailure($"Field {i} must never be indexed, and the encoder forgot.");
            }
        }
    }

    private static List<string> Text(HeaderList headers)
    {
        List<string> lines = [];
        for (int i = 0; i < headers.Count; i++)
        {
            HeaderField field = headers[i];
            lines.Add(new SlowField(Encoding.Latin1.GetString(field.Name), Encoding.Latin1.GetString(field.Value), field.NeverIndex).ToString());
        }

        return lines;
    }

    private static List<string> Plain(HeaderList headers)
    {
        List<string> lines = [];
        for (int i = 0; i < headers.Count; i++)
        {
            lines.Add($"{Encoding.Latin1.GetString(headers[i].Name)}={Encoding.Latin1.GetString(headers[i].Value)}");
        }

        return lines;
    }

    private static byte[] Encoded(HpackEncoder encoder, Random random)
    {
        var headers = new HeaderList();
        for (int fields = random.Next(8); fields > 0; fields--)
        {
            byte[] value = new byte[random.Next(random.Next(20) == 0 ? 1_500 : 10)];
            for (int i = 0; i < value.Length; i++)
            {
                value[i] = (byte)(random.Next(10) == 0 ? random.Next(256) : random.Next('a', 'd'));
            }

            headers.Add(Encoding.Latin1.GetBytes(s_names[random.Next(s_names.Length)]), value, random.Next(8) == 0);
        }

        byte[] block = new byte[HpackEncoder.EncodedBytesMax(headers)];
        return block[..encoder.Encode(headers, block)];
    }

    /// <summary>Representations put together at random: indices, literals of every kind, size updates, large integers.</summary>
    private static byte[] Handmade(Random random)
    {
        List<byte> block = [];
        for (int parts = random.Next(8); parts > 0; parts--)
        {
            switch (random.Next(6))
            {
                case 0:
                    block.Add((byte)(0x80 | random.Next(128)));
                    break;
                case 1:
                    block.AddRange([(byte)(0x20 | random.Next(32)), (byte)random.Next(256)]);
                    break;
                case 2:
                    block.AddRange([0xFF, (byte)random.Next(256), (byte)random.Next(256)]);
                    break;
                default:
                    byte[] kinds = [0x00, 0x10, 0x40];
                    block.Add((byte)(kinds[random.Next(3)] | random.Next(random.Next(2) == 0 ? 1 : 16)));
                    for (int strings = random.Next(1, 3); strings > 0; strings--)
                    {
                        byte[] text = new byte[random.Next(6)];
                        random.NextBytes(text);
                        block.AddRange([(byte)((random.Next(2) * 0x80) | text.Length), .. text]);
                    }

                    break;
            }
        }

        return [.. block];
    }
}
