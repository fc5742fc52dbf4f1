using Mesh.Node.Protocols.Http2;

namespace Mesh.Node.Protocols.Tests.Http2;

/// <summary>
/// Goal: what goes in comes out, in order, whatever moves or grows in between. Method: a model queue, seeded random steps, and misuse.
/// </summary>
public sealed class OutputBufferTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Bytes_come_out_in_order(int seed)
    {
        var random = new Random(seed);
        var buffer = new Http2OutputBuffer(highWaterBytes: 65_536);
        List<byte> model = [];
        for (int step = 0; step < 2_000; step++)
        {
            if (random.Next(2) == 0 && model.Count < 200_000)
            {
                int reserved = random.Next(20_000);
                Span<byte> room = buffer.Reserve(reserved);
                Assert.Equal(reserved, room.Length);
                int committed = random.Next(4) == 0 ? 0 : random.Next(reserved + 1);
                random.NextBytes(room[..committed]);
                model.AddRange(room[..committed]);
                buffer.Commit(committed);
            }
            else
            {
                int taken = random.Next(buffer.UnsentBytes + 1);
                Assert.True(buffer.Unsent.SequenceEqual(model.ToArray()));
                model.RemoveRange(0, taken);
                buffer.Advance(taken);
            }

            Assert.Equal(model.Count, buffer.UnsentBytes);
            Assert.Equal(model.Count == 0, buffer.IsEmpty);
            Assert.Equal(model.Count >= 65_536, buffer.IsAboveHighWater);
        }
    }

    [Fact]
    public void Misuse_is_refused()
    {
        var buffer = new Http2OutputBuffer(100);
        Assert.Throws<ArgumentOutOfRangeException>(() => buffer.Advance(1));
        Assert.Throws<ArgumentOutOfRangeException>(() => buffer.Advance(-1));
        buffer.Reserve(10);
        Assert.Throws<InvalidOperationException>(() => buffer.Reserve(10));
        Assert.Throws<InvalidOperationException>(() => buffer.Advance(0));
        buffer.Commit(0);
        Assert.True(buffer.IsEmpty);
    }
}
