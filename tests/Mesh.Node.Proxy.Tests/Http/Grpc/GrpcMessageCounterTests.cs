using System.Buffers;
using System.Buffers.Binary;
using Mesh.Node.Proxy.Http.Grpc;
using Mesh.Testing;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Http.Grpc;

/// <summary>Goal: messages are counted right however the network cuts them, and for nothing.</summary>
public sealed class GrpcMessageCounterTests
{
    [Fact]
    public void Messages_are_counted_once_they_have_passed_whole_however_they_are_cut()
    {
        byte[] content = [.. Message(0), .. Message(1), .. Message(300), .. Message(0), .. Message(70_000), .. Message(5)];
        for (int at = 0; at <= content.Length; at++)
        {
            var counter = new GrpcMessageCounter();
            counter.Add(new ReadOnlySequence<byte>(content, 0, at));
            counter.Add(new ReadOnlySequence<byte>(content, at, content.Length - at));
            Assert.Equal(6, counter.Messages);
        }

        var slow = new GrpcMessageCounter();
        long before = 0;
        int[] ends = [5, 11, 316, 321, 70_326, 70_336];
        for (int at = 0; at < content.Length; at++)
        {
            slow.Add(new ReadOnlySequence<byte>(content, at, 1));
            Assert.Equal(before += ends.Contains(at + 1) ? 1 : 0, slow.Messages);
        }
    }

    [Fact]
    public void What_is_cut_off_counts_as_far_as_it_came_and_other_content_begins_anew()
    {
        var counter = new GrpcMessageCounter();
        counter.Add(new ReadOnlySequence<byte>([.. Message(3), .. Message(9)[..^1]]));
        Assert.Equal(1, counter.Messages);
        counter.Begin();
        Assert.Equal(0, counter.Messages);
        counter.Add(new ReadOnlySequence<byte>(Message(4)));
        Assert.Equal(1, counter.Messages);

        // The largest that can be said.
        counter.Add(new ReadOnlySequence<byte>([1, 0xff, 0xff, 0xff, 0xff, 7, 7, 7]));
        Assert.Equal(1, counter.Messages);
    }

    [Fact]
    public void Counting_allocates_nothing()
    {
        var counter = new GrpcMessageCounter();
        var content = new ReadOnlySequence<byte>([.. Message(100), .. Message(0)]);
        Assert.Equal(0, SteadyState.AllocatedBytes(() =>
        {
            for (int i = 0; i < 1_000; i++)
            {
                counter.Add(content);
            }
        }));
    }

    private static byte[] Message(int length)
    {
        byte[] message = new byte[5 + length];
        message[0] = 1;
        BinaryPrimitives.WriteInt32BigEndian(message.AsSpan(1), length);
        message.AsSpan(5).Fill(0xff);
        return message;
    }
}
