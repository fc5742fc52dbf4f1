using Mesh.Node.Protocols.Http;
using Mesh.Node.Proxy.Hbone;
using Mesh.Node.Proxy.Telemetry;

namespace Mesh.Node.Proxy.Tests.Hbone;

/// <summary>Owns a tunnel and its streams and lets everything happen. A test overrides what it looks at.</summary>
internal class QuietTunnelOwner : ITunnelOwner, ITunnelStreamEvents
{
    /// <summary>The stream gets this owner for its events.</summary>
    public virtual void OnStreamOpened(TunnelConnection tunnel, TunnelStream stream, HeaderList headers, bool endStream) =>
        stream.Events = this;

    public virtual void OnStreamRefused(TunnelConnection tunnel, HeaderList headers)
    {
    }

    public virtual void OnTunnelClosed(TunnelConnection tunnel, CloseReason reason, string? detail)
    {
    }

    public virtual void OnData(ReadOnlySpan<byte> data, bool endStream)
    {
    }

    public void OnCapacityChanged(TunnelConnection tunnel)
    {
    }

    public void OnGoAway(TunnelConnection tunnel)
    {
    }

    public void OnResponse(HeaderList headers, bool endStream)
    {
    }

    public void OnSendable()
    {
    }

    public virtual void OnAborted(TunnelAbort abort)
    {
    }

    public void OnFinished()
    {
    }
}
