using Mesh.Interop.Linux;

namespace Mesh.Node.Transport.EventLoops;

/// <summary>Is told when a registered descriptor becomes ready, or when its deferred turn has come.</summary>
public interface IReadyHandler
{
    /// <summary>Runs on the loop thread.</summary>
    /// <param name="events">What epoll reported; <see cref="EpollEvents.None"/> when the call comes from
    /// <see cref="EventLoop.RunNextTurn"/>.</param>
    void OnReady(EpollEvents events);
}
