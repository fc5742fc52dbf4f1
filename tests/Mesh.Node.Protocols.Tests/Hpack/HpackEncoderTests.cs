using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http2.Hpack;
using Mesh.Node.Protocols.Tests.Http2;

namespace Mesh.Node.Protocols.Tests.Hpack;

/// <summary>
/// Goal: what is encoded is small, safe and decodes to the same. Method: the bytes where they are prescribed, our decoder elsewhere.
/// </summary>
public sealed class HpackEncoderTests
{
    [Fact]
    public void Fields_of_the_static_table_and_repeated_fields_take_one_byte()
    {
        var encoder = new HpackEncoder();
        HeaderList headers = Headers.Of((":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a"), ("x-mesh", "1"));
        Assert.Equal("828684", Hex(encoder, headers)[..6]);
        Assert.Equal("828684bfbe", Hex(encoder, headers));
    }

    [Fact]
    public void Secrets_never_enter_a_table()
    {
        foreach (string name in (string[])["authorization", "proxy-authorization", "set-cookie", "cookie"])
        {
            var encoder = new HpackEncoder();
            var decoder = new HpackDecoder(1_000, 1_000);
            var decoded = new HeaderList();
            byte[] block = Encode(encoder, Headers.Of((name, "secret")));
            Assert.Equal(0x10, block[0] & 0xF0);
            Assert.Equal(HpackStatus.Ok, decoder.Decode(block, decoded));
            Assert.True(decoded[0].NeverIndex);
            Assert.Equal(0, encoder.TableBytes);
        }
    }

    [Fact]
    public void A_field_marked_never_index_stays_so_from_hop_to_hop()
    {
        var list = new HeaderList();
        list.Add("x-key"u8, "v"u8, neverIndex: true);
        list.Add(":method"u8, "GET"u8, neverIndex: true); // Even where the static table has it.
        var decoded = new HeaderList();
        Assert.Equal(HpackStatus.Ok, new HpackDecoder(1_000, 1_000).Decode(Encode(new HpackEncoder(), list), decoded));
        byte[] again = Encode(new HpackEncoder(), decoded);
        Assert.Equal(0x10, again[0]);
        Assert.True(decoded[0].NeverIndex && decoded[1].NeverIndex);
    }

    [Fact]
    public void Values_that_never_repeat_stay_out_of_the_table()
    {
        var encoder = new HpackEncoder();
        Encode(encoder, Headers.Of(("traceparent", "00-1"), ("forwarded", "for=x"), (":path", "/x"), ("content-length", "12")));
        Assert.Equal(0, encoder.TableBytes);
        Encode(encoder, Headers.Of(("big", new string('v', 4_000))));
        Assert.Equal(0, encoder.TableBytes);
    }

    [Theory]
    [InlineData(new long[] { 100 }, "3f45")]
    [InlineData(new long[] { 0 }, "20")]
    [InlineData(new long[] { 4_096 }, "")]
    [InlineData(new long[] { 0, 4_096 }, "203fe11f")] // Both ends: the low one evicts.
    [InlineData(new long[] { 100, 50, 200 }, "3f133fa901")]
    [InlineData(new long[] { uint.MaxValue }, "")] // Ours is the smaller.
    public void A_changed_limit_is_announced_once(long[] limits, string updates)
    {
        var encoder = new HpackEncoder();
        foreach (long limit in limits)
        {
            encoder.SetTableLimit(limit);
        }

        Assert.Equal(updates + "82", Hex(encoder, Headers.Of((":method", "GET"))));
        Assert.Equal("82", Hex(encoder, Headers.Of((":method", "GET"))));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Whatever_is_encoded_decodes_to_the_same_while_limits_change(int seed)
    {
        var random = new Random(seed);
        var encoder = new HpackEncoder(8_192);
        var decoder = new HpackDecoder(1_000_000, 1_000_000);
        string[] names = [":path", ":authority", "cookie", "x-a", "x-b", "date", "traceparent", "accept", "a-rather-long-name-that-is-not-in-any-table"];
        for (int block = 0; block < 1_000; block++)
        {
            if (random.Next(20) == 0)
            {
                int limit = random.Next(3) == 0 ? 0 : random.Next(10_000);
                encoder.SetTableLimit(limit);
                decoder.SetTableLimit(limit);
            }

            var headers = new HeaderList();
            for (int i = random.Next(12); i > 0; i--)
            {
                byte[] value = new byte[random.Next(random.Next(10) == 0 ? 3_000 : 12)];
                for (int k = 0; k < value.Length; k++)
                {
                    value[k] = (byte)(random.Next(8) == 0 ? random.Next(256) : random.Next('a', 'e'));
                }

                headers.Add(System.Text.Encoding.ASCII.GetBytes(names[random.Next(names.Length)]), value, random.Next(10) == 0);
            }

            var decoded = new HeaderList();
            byte[] encoded = Encode(encoder, headers);
            Assert.InRange(encoded.Length, 0, HpackEncoder.EncodedBytesMax(headers));
            Assert.Equal(HpackStatus.Ok, decoder.Decode(encoded, decoded));
            Assert.Equal(HpackRfcTests.Text(headers), HpackRfcTests.Text(decoded));
            Assert.Equal(encoder.TableBytes, decoder.TableBytes);
        }
    }

    private static byte[] Encode(HpackEncoder encoder, HeaderList headers)
    {
        byte[] destination = new byte[HpackEncoder.EncodedBytesMax(headers)];
        return destination[..encoder.Encode(headers, destination)];
    }

    private static string Hex(HpackEncoder encoder, HeaderList headers) => Convert.ToHexStringLower(Encode(encoder, headers));
}
