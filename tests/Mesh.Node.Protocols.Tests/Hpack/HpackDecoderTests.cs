using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http2.Hpack;

namespace Mesh.Node.Protocols.Tests.Hpack;

/// <summary>
/// Goal: a decoder refuses what RFC 7541 forbids and keeps its limits. Method: blocks in hexadecimal and the status of each.
/// </summary>
public sealed class HpackDecoderTests
{
    [Theory]
    [InlineData("80", HpackStatus.BadIndex)] // Index zero.
    [InlineData("be", HpackStatus.BadIndex)] // 62, and the dynamic table is empty.
    [InlineData("ffff7f", HpackStatus.BadIndex)]
    [InlineData("7f0001", HpackStatus.BadIndex)] // A name of index 63.
    [InlineData("0fff7f00", HpackStatus.BadIndex)]
    [InlineData("00", HpackStatus.Truncated)]
    [InlineData("0001", HpackStatus.Truncated)]
    [InlineData("000161", HpackStatus.Truncated)]
    [InlineData("00016102", HpackStatus.Truncated)]
    [InlineData("0001610262", HpackStatus.Truncated)]
    [InlineData("ff", HpackStatus.Truncated)]
    [InlineData("3f", HpackStatus.Truncated)]
    [InlineData("007f", HpackStatus.Truncated)]
    [InlineData("ffffffffffffff", HpackStatus.IntegerTooLarge)]
    [InlineData("007fffffffffffff", HpackStatus.IntegerTooLarge)]
    [InlineData("3fffffffffffff", HpackStatus.IntegerTooLarge)]
    [InlineData("0081ff00", HpackStatus.BadHuffman)]
    [InlineData("00016181ff", HpackStatus.BadHuffman)]
    [InlineData("3fe21f", HpackStatus.BadSizeUpdate)] // 4097.
    [InlineData("8220", HpackStatus.BadSizeUpdate)] // After a field.
    [InlineData("3fe11f", HpackStatus.Ok)] // 4096.
    [InlineData("20", HpackStatus.Ok)]
    [InlineData("203fe11f82", HpackStatus.Ok)] // Down and up again.
    [InlineData("", HpackStatus.Ok)]
    [InlineData("00000000", HpackStatus.Truncated)] // An empty field, then half of one.
    [InlineData("000000", HpackStatus.Ok)] // An empty name is HPACK's least concern.
    public void A_block_is_judged(string hex, HpackStatus expected)
    {
        var decoder = new HpackDecoder(1_000, 10_000);
        Assert.Equal(expected, decoder.Decode(Convert.FromHexString(hex), new HeaderList()));
    }

    [Fact]
    public void A_lowered_limit_must_be_announced_by_the_next_block()
    {
        var decoder = new HpackDecoder(1_000, 10_000);
        decoder.SetTableLimit(100);
        Assert.Equal(HpackStatus.SizeUpdateMissing, decoder.Decode([0x82], new HeaderList()));

        decoder = new HpackDecoder(1_000, 10_000);
        decoder.SetTableLimit(100);
        Assert.Equal(HpackStatus.BadSizeUpdate, decoder.Decode(Convert.FromHexString("3f46"), new HeaderList())); // 101.

        decoder = new HpackDecoder(1_000, 10_000);
        decoder.SetTableLimit(100);
        Assert.Equal(HpackStatus.Ok, decoder.Decode(Convert.FromHexString("3f4582"), new HeaderList())); // 100.
        Assert.Equal(HpackStatus.Ok, decoder.Decode([0x82], new HeaderList()));
    }

    [Fact]
    public void A_raised_limit_may_be_used_and_need_not_be()
    {
        var decoder = new HpackDecoder(1_000, 10_000);
        decoder.SetTableLimit(8_192);
        Assert.Equal(HpackStatus.Ok, decoder.Decode([0x82], new HeaderList()));
        Assert.Equal(HpackStatus.Ok, decoder.Decode(Convert.FromHexString("3fe13f82"), new HeaderList())); // 8192.
    }

    [Fact]
    public void An_entry_larger_than_the_table_empties_it()
    {
        var decoder = new HpackDecoder(100_000, 100_000);
        var headers = new HeaderList();
        Assert.Equal(HpackStatus.Ok, decoder.Decode([0x40, 1, (byte)'a', 1, (byte)'b'], headers));
        Assert.Equal(34, decoder.TableBytes);

        byte[] large = [0x40, 1, (byte)'x', 0x7F, 0x81, 0x3F, .. new byte[8_192]]; // 127 + 1 + 63 * 128.
        Assert.Equal(HpackStatus.Ok, decoder.Decode(large, headers));
        Assert.Equal(0, decoder.TableBytes);
        Assert.Equal(HpackStatus.BadIndex, decoder.Decode([0xBE], headers));
    }

    [Fact]
    public void An_entry_may_take_its_name_from_the_entry_it_evicts()
    {
        // RFC 7541 §4.4: the table holds one entry of 70 bytes, and the next one of that name evicts it.
        var decoder = new HpackDecoder(10_000, 10_000);
        var headers = new HeaderList();
        byte[] first = [0x3F, 0x31, 0x40, 4, .. "name"u8, 34, .. Enumerable.Repeat((byte)'v', 34)]; // A table of 80 bytes.
        Assert.Equal(HpackStatus.Ok, decoder.Decode(first, headers));
        Assert.Equal(70, decoder.TableBytes);
        headers.Clear();
        Assert.Equal(HpackStatus.Ok, decoder.Decode([0x7E, 30, .. Enumerable.Repeat((byte)'w', 30)], headers));
        Assert.Equal(["name: " + new string('w', 30)], HpackRfcTests.Text(headers));
        headers.Clear();
        Assert.Equal(HpackStatus.Ok, decoder.Decode([0xBE], headers));
        Assert.Equal(["name: " + new string('w', 30)], HpackRfcTests.Text(headers));
    }

    [Fact]
    public void A_list_above_the_limit_is_dropped_and_the_table_kept()
    {
        var decoder = new HpackDecoder(listBytesMax: 100, listBytesFatal: 200);
        var headers = new HeaderList();
        byte[] field = [0x40, 1, (byte)'k', 17, .. Enumerable.Repeat((byte)'v', 17)]; // 50 bytes as lists count.
        Assert.Equal(HpackStatus.Ok, decoder.Decode([.. field, .. field], headers));
        headers.Clear();
        Assert.Equal(HpackStatus.ListTooLarge, decoder.Decode([.. field, .. field, .. field], headers));
        Assert.Equal(2, headers.Count);
        Assert.Equal(250, decoder.TableBytes);
        headers.Clear();
        Assert.Equal(HpackStatus.ListTooLarge, decoder.Decode([0xBE, 0xBE, 0xBE, 0xBE], headers));
        Assert.Equal(HpackStatus.ListBomb, decoder.Decode([0xBE, 0xBE, 0xBE, 0xBE, 0xBE], headers));
    }

    [Fact]
    public void Every_entry_of_the_static_table_is_reached_by_its_index_and_found_by_its_text()
    {
        for (int index = 1; index <= HpackStaticTable.Count; index++)
        {
            var headers = new HeaderList();
            Assert.Equal(HpackStatus.Ok, new HpackDecoder(1_000, 1_000).Decode([(byte)(0x80 | index)], headers));
            HeaderField field = headers[0];
            Assert.False(field.Name.IsEmpty);
            int name = HpackStaticTable.Find(HpackHash.Of(field.Name), field.Name, field.Value, out int found);
            Assert.Equal(index, found);
            Assert.InRange(name, 1, index);
        }
    }
}
