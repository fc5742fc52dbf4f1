using Mesh.Interop.Linux;
using Mesh.Node.Transport.Channels;
using Mesh.Node.Transport.EventLoops;

namespace Mesh.Bench.Micro.Hbone;

/// <summary>
/// One end of a wire in memory between two channels of one loop. What is written is readable at the other end in the next turn.
/// </summary>
internal sealed class MemoryChannel(EventLoop loop) : ByteChannel(loop), IReadyHandler
{
    private readonly byte[] _arrived = new byte[1024 * 1024];
    private MemoryChannel _other = null!;
    private int _arrivedBytes;
    private int _readBytes;
    private bool _isAnnounced;
    private bool _isClosed;

    public override bool IsClosed => _isClosed;

    public override bool HasUnsentBytes => false;

    public static (MemoryChannel Client, MemoryChannel Server) CreatePair(EventLoop loop)
    {
        MemoryChannel client = new(loop);
        MemoryChannel server = new(loop) { _other = client };
        client._other = server;
        return (client, server);
    }

    public void OnReady(EpollEvents events)
    {
        _isAnnounced = false;
        if (!_isClosed)
        {
            Events?.OnReadable();
        }
    }

    public override IoResult Read(Span<byte> destination)
    {
        int bytes = Math.Min(destination.Length, _arrivedBytes - _readBytes);
        if (bytes == 0)
        {
            return IoResult.WouldBlock;
        }

        _arrived.AsSpan(_readBytes, bytes).CopyTo(destination);
        _readBytes += bytes;
        if (_readBytes == _arrivedBytes)
        {
            _readBytes = _arrivedBytes = 0;
        }

        return IoResult.Done(bytes);
    }

    public override IoResult Write(ReadOnlySpan<byte> source)
    {
        source.CopyTo(_other._arrived.AsSpan(_other._arrivedBytes));
        _other._arrivedBytes += source.Length;
        if (!_other._isAnnounced)
        {
            _other._isAnnounced = true;
            Loop.RunNextTurn(_other);
        }

        return IoResult.Done(source.Length);
    }

    public override void CloseWrite()
    {
    }

    public override void Close() => _isClosed = true;

    public override void Reset() => _isClosed = true;

    public override Errno TakeError() => Errno.None;
}
