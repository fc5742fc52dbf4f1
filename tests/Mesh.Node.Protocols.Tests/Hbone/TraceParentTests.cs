using System.Text;
using Mesh.Node.Protocols.Hbone;

namespace Mesh.Node.Protocols.Tests.Hbone;

/// <summary>Goal: traceparent is that of W3C Trace Context. Method: tables and a round trip.</summary>
public sealed class TraceParentTests
{
    private const string Trace = "0af7651916cd43dd8448eb211c80319c";
    private const string Span = "b7ad6b7169203331";

    [Theory]
    [InlineData($"00-{Trace}-{Span}-01", 1)]
    [InlineData($"00-{Trace}-{Span}-00", 0)]
    [InlineData($"00-{Trace}-{Span}-ff", 255)]
    [InlineData($"01-{Trace}-{Span}-01", 1)]
    [InlineData($"cc-{Trace}-{Span}-01-what-the-future-holds", 1)]
    public void A_value_is_read(string text, int flags)
    {
        Assert.True(TryParse(text, out TraceParent trace));
        Assert.Equal(new TraceParent(0x0af7651916cd43dd, 0x8448eb211c80319c, 0xb7ad6b7169203331, (byte)flags), trace);
    }

    [Theory]
    [InlineData("")]
    [InlineData($"00-{Trace}-{Span}-0")]
    [InlineData($"00-{Trace}-{Span}-01-")]
    [InlineData($"00-{Trace}-{Span}-01x")]
    [InlineData($"01-{Trace}-{Span}-01x")]
    [InlineData($"ff-{Trace}-{Span}-01")]
    [InlineData($"00-00000000000000000000000000000000-{Span}-01")]
    [InlineData($"00-{Trace}-0000000000000000-01")]
    [InlineData("00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01")]
    [InlineData($"0g-{Trace}-{Span}-01")]
    [InlineData($"00_{Trace}-{Span}-01")]
    [InlineData($"00-{Trace}_{Span}-01")]
    [InlineData($"00-{Trace}-{Span}_01")]
    [InlineData($"00-{Trace}-{Span}-0g")]
    [InlineData($"00-{Trace}-{Span}-01\0")]
    [InlineData($" 00-{Trace}-{Span}-01")]
    public void Anything_else_is_refused(string text) => Assert.False(TryParse(text, out _));

    [Fact]
    public void A_later_version_is_limited_in_length()
    {
        Assert.True(TryParse($"01-{Trace}-{Span}-01-" + new string('x', 256 - 56), out _));
        Assert.False(TryParse($"01-{Trace}-{Span}-01-" + new string('x', 257 - 56), out _));
    }

    [Fact]
    public void A_value_is_written_and_read_again()
    {
        byte[] text = new byte[TraceParent.SizeBytes];
        var trace = new TraceParent(0x1, 0x2, 0x3, 0xA0);
        Assert.True(trace.TryFormat(text, out int bytes));
        Assert.Equal("00-00000000000000010000000000000002-0000000000000003-a0", Encoding.ASCII.GetString(text, 0, bytes));
        Assert.True(TraceParent.TryParse(text, out TraceParent read));
        Assert.Equal(trace, read);
        Assert.False(trace.TryFormat(text.AsSpan(1), out _));
    }

    [Fact]
    public void Random_bytes_always_make_a_valid_value()
    {
        foreach (byte fill in (byte[])[0, 1, 255])
        {
            byte[] text = new byte[TraceParent.SizeBytes];
            TraceParent.FromRandom(Enumerable.Repeat(fill, 24).ToArray()).TryFormat(text, out _);
            Assert.True(TraceParent.TryParse(text, out _));
        }
    }

    private static bool TryParse(string text, out TraceParent trace) => TraceParent.TryParse(Encoding.UTF8.GetBytes(text), out trace);
}
