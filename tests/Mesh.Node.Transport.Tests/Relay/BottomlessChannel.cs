using Mesh.Interop.Linux;
using Mesh.Node.Transport.Channels;
using Mesh.Node.Transport.EventLoops;

namespace Mesh.Node.Transport.Tests.Relay;

/// <summary>Always has more to read and always takes what is written: the worst neighbour a loop can have.</summary>
/// <param name="loop">Where it lives.</param>
/// <param name="bytesPerRead">What each read gives; 0 for a channel that is silent.</param>
/// <param name="readsMax">Reads after which it is silent.</param>
internal sealed class BottomlessChannel(EventLoop loop, int bytesPerRead, int readsMax = int.MaxValue) : ByteChannel(loop)
{
    private bool _closed;

    public int Reads { get; private set; }

    public override bool IsClosed => _closed;

    public override bool HasUnsentBytes => false;

    public override IoResult Read(Span<byte> destination)
    {
        if (bytesPerRead == 0 || Reads == readsMax)
        {
            return IoResult.WouldBlock;
        }

        Reads++;
        return IoResult.Done(Math.Min(bytesPerRead, destination.Length));
    }

    public override IoResult Write(ReadOnlySpan<byte> source) => IoResult.Done(source.Length);

    public override void CloseWrite()
    {
    }

    public override void Close() => _closed = true;

    public override void Reset() => _closed = true;

    public override Errno TakeError() => Errno.None;
}
