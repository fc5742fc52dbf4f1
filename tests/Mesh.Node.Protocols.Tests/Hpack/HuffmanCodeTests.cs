using Mesh.Node.Protocols.Http2.Hpack;

namespace Mesh.Node.Protocols.Tests.Hpack;

/// <summary>
/// Goal: the Huffman code is that of RFC 7541 appendix B and nothing malformed decodes. Method: codes of the appendix, round trips, bad
/// padding.
/// </summary>
public sealed class HuffmanCodeTests
{
    /// <summary>Rows of appendix B, one or more of each length: symbol, code in hexadecimal, bits.</summary>
    [Theory]
    [InlineData('0', 0x0, 5)]
    [InlineData('a', 0x3, 5)]
    [InlineData('t', 0x9, 5)]
    [InlineData(' ', 0x14, 6)]
    [InlineData('%', 0x15, 6)]
    [InlineData('u', 0x2d, 6)]
    [InlineData(':', 0x5c, 7)]
    [InlineData('z', 0x7b, 7)]
    [InlineData('&', 0xf8, 8)]
    [InlineData('Z', 0xfd, 8)]
    [InlineData('!', 0x3f8, 10)]
    [InlineData('?', 0x3fc, 10)]
    [InlineData('\'', 0x7fa, 11)]
    [InlineData('|', 0x7fc, 11)]
    [InlineData('#', 0xffa, 12)]
    [InlineData('>', 0xffb, 12)]
    [InlineData('\0', 0x1ff8, 13)]
    [InlineData('~', 0x1ffd, 13)]
    [InlineData('^', 0x3ffc, 14)]
    [InlineData('}', 0x3ffd, 14)]
    [InlineData('<', 0x7ffc, 15)]
    [InlineData('{', 0x7ffe, 15)]
    [InlineData('\\', 0x7fff0, 19)]
    [InlineData('\u00d0', 0x7fff2, 19)]
    [InlineData('\u0080', 0xfffe6, 20)]
    [InlineData('\u0099', 0x1fffdc, 21)]
    [InlineData('\u0081', 0x3fffd2, 22)]
    [InlineData('\u0001', 0x7fffd8, 23)]
    [InlineData('\u0009', 0xffffea, 24)]
    [InlineData('\u00c7', 0x1ffffec, 25)]
    [InlineData('\u00c0', 0x3ffffe0, 26)]
    [InlineData('\u00cb', 0x7ffffde, 27)]
    [InlineData('\u0002', 0xfffffe2, 28)]
    [InlineData('\u00f9', 0xffffffe, 28)]
    [InlineData('\u000a', 0x3ffffffc, 30)]
    [InlineData('\u0016', 0x3ffffffe, 30)]
    public void A_symbol_has_the_code_of_the_appendix(char symbol, int code, int bits)
    {
        byte[] encoded = new byte[4];
        int bytes = HuffmanCode.Encode([(byte)symbol], encoded);
        Assert.Equal((bits + 7) / 8, bytes);
        uint value = System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(encoded);
        Assert.Equal((uint)code, value >> (32 - bits));
    }

    [Fact]
    public void Every_string_of_one_two_and_three_symbols_survives()
    {
        byte[] encoded = new byte[16];
        byte[] decoded = new byte[32];
        byte[] symbols = new byte[3];
        for (int first = 0; first < 256; first++)
        {
            for (int second = 0; second < 256; second++)
            {
                symbols[0] = (byte)first;
                symbols[1] = (byte)second;
                symbols[2] = (byte)(first ^ second);
                for (int length = 1; length <= 3; length++)
                {
                    int bytes = HuffmanCode.Encode(symbols.AsSpan(0, length), encoded);
                    Assert.Equal(HuffmanCode.EncodedBytes(symbols.AsSpan(0, length)), bytes);
                    Assert.True(HuffmanCode.TryDecode(encoded.AsSpan(0, bytes), decoded, out int written));
                    Assert.True(symbols.AsSpan(0, length).SequenceEqual(decoded.AsSpan(0, written)));
                }
            }
        }
    }

    [Fact]
    public void Long_strings_survive()
    {
        var random = new Random(1);
        for (int i = 0; i < 200; i++)
        {
            byte[] source = new byte[random.Next(2_000)];
            random.NextBytes(source);
            byte[] encoded = new byte[HuffmanCode.EncodedBytes(source)];
            HuffmanCode.Encode(source, encoded);
            byte[] decoded = new byte[HuffmanCode.DecodedBytesMax(encoded.Length)];
            Assert.True(HuffmanCode.TryDecode(encoded, decoded, out int written));
            Assert.Equal(source, decoded[..written]);
        }
    }

    [Theory]
    [InlineData("", true)]
    [InlineData("07", true)] // '0' and three ones.
    [InlineData("00", false)] // '0' and three zeros.
    [InlineData("06", false)] // '0' and a zero among the ones.
    [InlineData("ff", false)] // Eight ones: a byte of padding too much.
    [InlineData("07ff", false)]
    [InlineData("fe", false)] // Seven ones and a zero: neither a code nor padding.
    [InlineData("ffffffff", false)] // The end-of-string code itself.
    [InlineData("fffffffc", false)]
    [InlineData("1fffffffff", false)] // 'a' and the end-of-string code.
    [InlineData("fff8", false)] // 13 bits of a code and three zeros.
    [InlineData("ffc7", true)] // NUL, 13 bits, and three ones.
    public void Padding_is_a_few_ones_and_nothing_else(string hex, bool isValid) =>
        Assert.Equal(isValid, HuffmanCode.TryDecode(Convert.FromHexString(hex), new byte[64], out _));
}
