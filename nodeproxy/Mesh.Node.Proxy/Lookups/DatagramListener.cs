using Mesh.Interop.Linux;
using Mesh.Node.Transport.EventLoops;

namespace Mesh.Node.Proxy.Lookups;

/// <summary>Takes datagrams of one socket and gives them to the pod's <see cref="PodDns"/>, a bounded number a turn.</summary>
internal sealed class DatagramListener : IReadyHandler
{
    private const int DatagramsPerTurnMax = 16;
    private const int LastDatagramsMax = 1_024;

    private readonly PodDns _owner;
    private readonly SocketHandle _socket;
    private Registration _registration;
    private bool _isClosed;
    private bool _isDeferred;

    private DatagramListener(PodDns owner, SocketHandle socket)
    {
        _owner = owner;
        _socket = socket;
    }

    /// <param name="owner">Serves what comes.</param>
    /// <param name="socket">Owned, whatever comes of it.</param>
    /// <param name="listener">On success.</param>
    public static SysResult TryStart(PodDns owner, SocketHandle socket, out DatagramListener? listener)
    {
        var created = new DatagramListener(owner, socket);
        SysResult registered = owner.Loop.Register(owner.Share, socket, created, out created._registration);
        if (!registered.Ok)
        {
            socket.Dispose();
        }

        listener = registered.Ok ? created : null;
        return registered;
    }

    /// <summary>Serves what has come, and hears nothing more.</summary>
    public void Close()
    {
        if (_isClosed)
        {
            return;
        }

        // Nobody else would answer what is in this socket's queue.
        TakeSome(LastDatagramsMax);
        _isClosed = true;
        _owner.Loop.Unregister(_socket, _registration);
        _socket.Dispose();
    }

    void IReadyHandler.OnReady(EpollEvents events)
    {
        if (events == EpollEvents.None)
        {
            _isDeferred = false;
        }

        if (!_isClosed && !TakeSome(DatagramsPerTurnMax) && !_isDeferred)
        {
            _isDeferred = true;
            _owner.Loop.RunNextTurn(this);
        }
    }

    /// <returns>Whether there are no more.</returns>
    private bool TakeSome(int max)
    {
        for (int i = 0; i < max; i++)
        {
            Span<byte> scratch = _owner.Loop.Scratch;
            SysResult received = Datagrams.Receive(_socket, scratch, out DatagramAddress client, out DatagramAddress server);
            if (received.WouldBlock)
            {
                return true;
            }

            // An error is one of an earlier datagram; it is cleared by being told, and those behind it can be taken.
            if (received.Ok)
            {
                _owner.Serve(scratch[..received.Count], client, server);
            }
        }

        return false;
    }
}
