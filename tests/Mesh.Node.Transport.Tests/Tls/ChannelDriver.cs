using Mesh.Node.Transport.Channels;
using Mesh.Node.Transport.EventLoops;
using Xunit;

namespace Mesh.Node.Transport.Tests.Tls;

/// <summary>Drives a channel the way loop code must: tries, and waits for the edge only after WouldBlock. Loop thread.</summary>
internal sealed class ChannelDriver : IChannelEvents
{
    private readonly ByteChannel _channel;
    private readonly LoopCompletion<bool> _readable;
    private readonly LoopCompletion<bool> _writable;

    public ChannelDriver(ByteChannel channel)
    {
        _channel = channel;
        _readable = new LoopCompletion<bool>(channel.Loop);
        _writable = new LoopCompletion<bool>(channel.Loop);
        channel.Events = this;
    }

    public int ReadableEvents { get; private set; }

    public int WritableEvents { get; private set; }

    public int Faults { get; private set; }

    /// <summary>Reads once, waiting as often as it takes.</summary>
    public async ValueTask<IoResult> ReadAsync(Memory<byte> destination)
    {
        while (true)
        {
            IoResult read = _channel.Read(destination.Span);
            if (read.Status != IoStatus.WouldBlock)
            {
                return read;
            }

            await _readable.WaitAsync();
        }
    }

    /// <summary>Reads until the status is not Done.</summary>
    public async ValueTask<(byte[] Bytes, IoStatus Status)> ReadToEndAsync()
    {
        List<byte> all = [];
        byte[] buffer = new byte[16 * 1024];
        while (true)
        {
            IoResult read = await ReadAsync(buffer);
            if (read.Status != IoStatus.Done)
            {
                return ([.. all], read.Status);
            }

            all.AddRange(buffer.AsSpan(0, read.Bytes));
        }
    }

    public async ValueTask<IoStatus> WriteAllAsync(ReadOnlyMemory<byte> source)
    {
        while (!source.IsEmpty)
        {
            IoResult written = _channel.Write(source.Span);
            switch (written.Status)
            {
                case IoStatus.Done:
                    Assert.True(written.Bytes > 0, "Done with no bytes would make a writer spin.");
                    source = source[written.Bytes..];
                    break;
                case IoStatus.WouldBlock:
                    await _writable.WaitAsync();
                    break;
                default:
                    return written.Status;
            }
        }

        return IoStatus.Done;
    }

    /// <summary>Writes until the channel takes no more.</summary>
    /// <returns>Bytes accepted.</returns>
    public int WriteUntilFull(ReadOnlySpan<byte> source)
    {
        int accepted = 0;
        while (accepted < source.Length)
        {
            IoResult written = _channel.Write(source[accepted..]);
            if (written.Status != IoStatus.Done)
            {
                Assert.Equal(IoStatus.WouldBlock, written.Status);
                return accepted;
            }

            accepted += written.Bytes;
        }

        Assert.Fail("The channel never filled.");
        return accepted;
    }

    void IChannelEvents.OnReadable()
    {
        ReadableEvents++;
        _readable.TryComplete(true);
    }

    void IChannelEvents.OnWritable()
    {
        WritableEvents++;
        _writable.TryComplete(true);
    }

    void IChannelEvents.OnFault()
    {
        Faults++;
        _readable.TryComplete(true);
        _writable.TryComplete(true);
    }
}
