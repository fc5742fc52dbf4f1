using System.Runtime.InteropServices;
using System.Threading.Channels;
using Mesh.Interop.Linux;
using Microsoft.Win32.SafeHandles;

namespace Mesh.Node.Capture.Handover;

/// <summary>
/// One end of a hand-over connection, for asynchronous code: a thread of its own waits in the socket. One caller sends and one receives.
/// </summary>
internal sealed class HandoverConnection : IDisposable
{
    // Each request waits for its answer, so more than one message under way is already more than the protocol has.
    private const int PacketsMax = 4;

    private readonly SeqPacketSocket _socket;
    private readonly Channel<HandoverPacket> _received = Channel.CreateBounded<HandoverPacket>(PacketsMax);

    /// <param name="socket">A connected socket, owned from now on.</param>
    public HandoverConnection(SeqPacketSocket socket)
    {
        _socket = socket;
        var thread = new Thread(ReceiveAll) { IsBackground = true, Name = "handover" };
        thread.Start();
    }

    /// <summary>How long the other end may take to answer, and a message to be taken.</summary>
    public static TimeSpan AnswerTimeout { get; } = TimeSpan.FromSeconds(5);

    /// <summary>Who is on the other end.</summary>
    public PeerCredentials Peer => _socket.Peer;

    /// <summary>Sends one message.</summary>
    /// <param name="message">Its bytes.</param>
    /// <param name="descriptor">Goes along, and stays the caller's; null for none.</param>
    /// <exception cref="HandoverException">The other end is gone or takes nothing.</exception>
    public void Send(byte[] message, SafeHandle? descriptor)
    {
        SysResult sent = _socket.Send(message, descriptor, AnswerTimeout);
        if (!sent.Ok)
        {
            throw new HandoverException($"a message could not be sent: {sent.Error}");
        }
    }

    /// <summary>Waits for a message. The caller disposes it.</summary>
    /// <param name="cancellation">Gives the wait up; a message that comes later is still received.</param>
    /// <returns>Null when the other end has closed.</returns>
    /// <exception cref="HandoverException">The connection failed, or the other end sent more than it may.</exception>
    public async Task<HandoverPacket?> ReceiveAsync(CancellationToken cancellation)
    {
        try
        {
            return await _received.Reader.ReadAsync(cancellation);
        }
        catch (ChannelClosedException closed)
        {
            return closed.InnerException is null ? null : throw closed.InnerException;
        }
    }

    /// <summary>Closes the connection. Messages not yet received are dropped.</summary>
    public void Dispose()
    {
        _socket.Dispose();
        _received.Writer.TryComplete();
        while (_received.Reader.TryRead(out HandoverPacket? packet))
        {
            packet.Dispose();
        }
    }

    private void ReceiveAll()
    {
        byte[] buffer = new byte[HandoverCodec.MessageBytesMax];
        while (true)
        {
            SysResult received;
            SafeFileHandle? descriptor;
            try
            {
                received = _socket.Receive(buffer, out descriptor, Timeout.InfiniteTimeSpan);
            }
            catch (ObjectDisposedException)
            {
                _received.Writer.TryComplete();
                return;
            }

            if (!received.Ok)
            {
                _received.Writer.TryComplete(new HandoverException($"the connection failed: {received.Error}"));
                return;
            }

            if (received.Count == 0)
            {
                _received.Writer.TryComplete();
                return;
            }

            HandoverPacket packet = new(buffer.AsSpan(0, received.Count).ToArray(), descriptor);
            if (!_received.Writer.TryWrite(packet))
            {
                packet.Dispose();
                _received.Writer.TryComplete(new HandoverException("the other end sent messages without waiting for answers"));
                return;
            }
        }
    }
}
