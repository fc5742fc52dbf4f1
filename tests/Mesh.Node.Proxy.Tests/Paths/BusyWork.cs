using System.Diagnostics;
using Mesh.Interop.Linux;
using Mesh.Node.Transport.EventLoops;

namespace Mesh.Node.Proxy.Tests.Paths;

/// <summary>Keeps a loop in turns of about a millisecond until disposed.</summary>
internal sealed class BusyWork : LoopWork, IReadyHandler, IDisposable
{
    private static readonly TimeSpan s_turn = TimeSpan.FromMilliseconds(1);

    private readonly EventLoop _loop;
    private volatile bool _stopping;

    public BusyWork(EventLoop loop)
    {
        _loop = loop;
        loop.Post(this);
    }

    public override void Run() => _loop.RunNextTurn(this);

    public void OnReady(EpollEvents events)
    {
        long started = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(started) < s_turn)
        {
            Thread.SpinWait(100);
        }

        if (!_stopping)
        {
            _loop.RunNextTurn(this);
        }
    }

    public void Dispose() => _stopping = true;
}
