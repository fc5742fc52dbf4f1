using System.Buffers.Binary;
using Mesh.Node.Protocols.Dns;
using Mesh.Node.Proxy.Loops;
using Mesh.Node.Proxy.Pods;
using Mesh.Node.Proxy.Telemetry.Metrics;
using Mesh.Node.Transport.Buffers;
using Mesh.Node.Transport.Channels;
using Mesh.Node.Transport.EventLoops;

namespace Mesh.Node.Proxy.Lookups;

/// <summary>What became of the beginning of a connection to a DNS server.</summary>
internal enum DnsStreamEnd
{
    /// <summary>What is to be read next is not ours to answer; nothing of it was read, and everything before it was answered.</summary>
    NotOurs,

    /// <summary>The client has asked all it wanted to, or no more for a while.</summary>
    Finished,

    /// <summary>The connection broke, or was given up.</summary>
    Broken,
}

/// <summary>
/// Answers queries at the beginning of a connection to a DNS server, as long as they are about names of the mesh. It looks before it reads,
/// so that the first one that is not goes on to the server as it came, with all that follows it.
/// </summary>
/// <remarks>While it waits it is told of the channel's events in place of who was told before. Belongs to its loop.</remarks>
internal sealed class DnsStream(LoopContext context, EnrolledPod pod, TcpChannel client) : IChannelEvents, ITimerHandler
{
    /// <summary>Longer ones are not about a name of ours, nor is what does not begin like a query.</summary>
    private const int MessageBytesMax = 4_096;

    private const int LengthBytes = 2;

    private static readonly TimeSpan s_silenceMax = TimeSpan.FromSeconds(10);

    private readonly LoopCompletion<DnsStreamEnd> _ended = new(client.Loop);
    private IChannelEvents? _before;
    private LoopTimer? _silence;
    private bool _hasAnswered;

    // Of an answer, what the client has not taken.
    private ReadOnlyMemory<byte> _unsent;

    /// <summary>Answers until something else is to be done.</summary>
    public async ValueTask<DnsStreamEnd> ServeAsync()
    {
        if (Step() is DnsStreamEnd end)
        {
            return end;
        }

        _before = client.Events;
        client.Events = this;
        _silence = new LoopTimer(client.Loop, this);
        _silence.Arm(s_silenceMax);
        end = await _ended.WaitAsync();
        _silence.Cancel();
        StandBack();
        return end;
    }

    /// <summary>Gives it up.</summary>
    public void Cancel() => _ended.TryComplete(DnsStreamEnd.Broken);

    void IChannelEvents.OnReadable() => Go();

    void IChannelEvents.OnWritable() => Go();

    void IChannelEvents.OnFault()
    {
        // Whoever watches the connection hears of it first: it knows why it ended before our caller goes on.
        IChannelEvents? watcher = _before;
        StandBack();
        watcher?.OnFault();
        _ended.TryComplete(DnsStreamEnd.Broken);
    }

    // Who has said nothing that could be answered may be waiting for his server to speak.
    void ITimerHandler.OnTimer(LoopTimer timer) => _ended.TryComplete(
        !_unsent.IsEmpty ? DnsStreamEnd.Broken : _hasAnswered ? DnsStreamEnd.Finished : DnsStreamEnd.NotOurs);

    private void Go()
    {
        if (Step() is DnsStreamEnd end)
        {
            _ended.TryComplete(end);
        }
    }

    private void StandBack()
    {
        if (ReferenceEquals(client.Events, this))
        {
            client.Events = _before;
        }
    }

    /// <returns>How it ended; null while more may come.</returns>
    private DnsStreamEnd? Step()
    {
        byte[] block = client.Loop.Buffers.Rent();
        try
        {
            while (TryFlush() is bool isFlushed)
            {
                if (!isFlushed)
                {
                    return null;
                }

                IoResult peeked = client.Peek(block.AsSpan(0, LengthBytes + MessageBytesMax));
                switch (peeked.Status)
                {
                    case IoStatus.WouldBlock:
                        return null;
                    case IoStatus.End:
                        return DnsStreamEnd.Finished;
                    case IoStatus.Failed:
                        return DnsStreamEnd.Broken;
                }

                Span<byte> begun = block.AsSpan(0, peeked.Bytes);
                if (TryAnswer(begun) is bool isOurs)
                {
                    if (!isOurs)
                    {
                        return DnsStreamEnd.NotOurs;
                    }

                    continue;
                }

                return client.IsPeerFinished ? DnsStreamEnd.NotOurs : null;
            }

            return DnsStreamEnd.Broken;
        }
        finally
        {
            client.Loop.Buffers.Return(block);
        }
    }

    /// <returns>Null while too little has come; false when it is not ours; true when it was read and its answer is to be sent.</returns>
    private bool? TryAnswer(Span<byte> begun)
    {
        if (begun.Length < LengthBytes)
        {
            return null;
        }

        int messageBytes = BinaryPrimitives.ReadUInt16BigEndian(begun);
        if (messageBytes is < DnsQuery.HeaderBytes or > MessageBytesMax)
        {
            return false;
        }

        if (begun.Length < LengthBytes + messageBytes)
        {
            return null;
        }

        Span<byte> message = begun.Slice(LengthBytes, messageBytes);
        if (DnsQuery.Read(message, out DnsQuery query) != DnsQueryStatus.Question)
        {
            return false;
        }

        byte[] block = client.Loop.Buffers.Rent();
        Span<byte> answer = block.AsSpan(LengthBytes, BufferPool.BlockBytes - LengthBytes);
        int bytes = context.Names.TryAnswer(pod, message, query, answer, answer.Length);
        if (bytes > 0)
        {
            // What was looked at is taken; it is all there.
            client.Read(begun[..(LengthBytes + messageBytes)]);
            BinaryPrimitives.WriteUInt16BigEndian(block, (ushort)bytes);
            Send(block.AsSpan(0, LengthBytes + bytes));
        }

        client.Loop.Buffers.Return(block);
        return bytes > 0;
    }

    private void Send(ReadOnlySpan<byte> answer)
    {
        DnsMetrics metrics = context.Services.Dns;
        metrics.Requests.Add(context.Loop.Index);
        metrics.Answered.Add(context.Loop.Index);
        _hasAnswered = true;
        _silence?.Arm(s_silenceMax);
        IoResult written = client.Write(answer);
        int sentBytes = written.Status == IoStatus.Done ? written.Bytes : 0;
        _unsent = sentBytes < answer.Length ? answer[sentBytes..].ToArray() : default;
    }

    /// <returns>Null when the connection is broken; false while something waits.</returns>
    private bool? TryFlush()
    {
        while (!_unsent.IsEmpty)
        {
            IoResult written = client.Write(_unsent.Span);
            if (written.Status != IoStatus.Done)
            {
                return written.Status == IoStatus.WouldBlock ? false : null;
            }

            _unsent = _unsent[written.Bytes..];
        }

        return true;
    }
}
