using Mesh.Node.Proxy.Telemetry;
using Mesh.Node.Transport.EventLoops;
using Mesh.Node.Transport.Relay;

namespace Mesh.Node.Proxy.Http.Detection;

/// <summary>Meters a connection whose client was silent, and learns from it which side speaks first at its port.</summary>
/// <remarks>
/// Only a server that speaks soon is one that speaks first: what it says to a client that has been idle for long, that it is late say, is
/// no beginning. A hint that does not come true, because the client spoke or nobody did, is taken back, so that the next client is waited
/// for. One that does is not renewed, so that clients are waited for once in its lifetime. Lives on the connection's loop.
/// </remarks>
/// <param name="record">The connection.</param>
/// <param name="loop">Its loop.</param>
/// <param name="hints">What is learnt.</param>
/// <param name="port">The connection's port.</param>
/// <param name="isHinted">Whether the client was not waited for because of a hint.</param>
internal sealed class FirstSpeaker(ConnectionRecord record, EventLoop loop, PortHints hints, PortKey port, bool isHinted) : IRelayMeter
{
    private const long SoonMs = 5_000;

    private readonly long _silentUntilMs = loop.NowMs;
    private bool _hasBegun;

    public void AddSent(long bytes)
    {
        if (!_hasBegun)
        {
            _hasBegun = true;
            hints.ClientSpoke(port);
        }

        record.AddSent(bytes);
    }

    public void AddReceived(long bytes)
    {
        if (!_hasBegun)
        {
            _hasBegun = true;
            if (!isHinted && loop.NowMs - _silentUntilMs <= SoonMs)
            {
                hints.ServerSpoke(port, loop.NowMs);
            }
        }

        record.AddReceived(bytes);
    }

    /// <summary>The connection is over.</summary>
    public void End()
    {
        if (!_hasBegun)
        {
            hints.ClientSpoke(port);
        }
    }
}
