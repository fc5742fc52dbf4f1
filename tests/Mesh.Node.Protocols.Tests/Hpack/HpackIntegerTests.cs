using Mesh.Node.Protocols.Http2.Hpack;

namespace Mesh.Node.Protocols.Tests.Hpack;

/// <summary>
/// Goal: integers of RFC 7541 §5.1 are read and written, and bounded. Method: the RFC's examples, edges, cuts at every byte.
/// </summary>
public sealed class HpackIntegerTests
{
    [Theory]
    [InlineData(10, 5, "0a")] // RFC 7541 C.1.1.
    [InlineData(1337, 5, "1f9a0a")] // C.1.2.
    [InlineData(42, 8, "2a")] // C.1.3.
    [InlineData(0, 1, "00")]
    [InlineData(1, 1, "0100")]
    [InlineData(30, 5, "1e")]
    [InlineData(31, 5, "1f00")]
    [InlineData(158, 5, "1f7f")]
    [InlineData(159, 5, "1f8001")]
    [InlineData(HpackInteger.ValueMax, 5, "1fe0ffff7f")]
    [InlineData(HpackInteger.ValueMax, 8, "ff80feff7f")]
    public void A_value_is_written_and_read(int value, int prefixBits, string hex)
    {
        byte[] written = new byte[HpackInteger.EncodedBytesMax];
        int bytes = HpackInteger.Write(written, 0, prefixBits, value);
        Assert.Equal(hex, Convert.ToHexStringLower(written.AsSpan(0, bytes)));

        ReadOnlySpan<byte> source = [.. written[..bytes], 0xAB];
        Assert.Equal(HpackStatus.Ok, HpackInteger.TryRead(ref source, prefixBits, out int read));
        Assert.Equal(value, read);
        Assert.Equal(0xAB, Assert.Single(source.ToArray()));

        for (int cut = 0; cut < bytes; cut++)
        {
            ReadOnlySpan<byte> part = written.AsSpan(0, cut);
            Assert.Equal(HpackStatus.Truncated, HpackInteger.TryRead(ref part, prefixBits, out _));
            Assert.Equal(cut, part.Length);
        }
    }

    [Theory]
    [InlineData("1fe1ffff7f")] // One above the limit.
    [InlineData("1fffffffffff7f")]
    [InlineData("1f808080808000")] // Zeros without end.
    [InlineData("1fffffffffffffffffffffff7f")]
    public void A_value_above_the_limit_is_refused(string hex)
    {
        ReadOnlySpan<byte> source = Convert.FromHexString(hex);
        Assert.Equal(HpackStatus.IntegerTooLarge, HpackInteger.TryRead(ref source, 5, out _));
    }

    [Fact]
    public void Bits_above_the_prefix_are_the_pattern_and_are_ignored_in_reading()
    {
        byte[] written = new byte[HpackInteger.EncodedBytesMax];
        Assert.Equal(1, HpackInteger.Write(written, 0xE0, 5, 10));
        Assert.Equal(0xEA, written[0]);
        ReadOnlySpan<byte> source = written;
        Assert.Equal(HpackStatus.Ok, HpackInteger.TryRead(ref source, 5, out int value));
        Assert.Equal(10, value);
    }
}
