using Mesh.Node.Model.Balancing;
using Mesh.Node.Proxy.Http.Outbound;
using Mesh.Node.Proxy.Telemetry.Requests;

namespace Mesh.Node.Proxy.Http.Mirrors;

/// <summary>What copies of the requests of one connection are made with. Lives on its loop.</summary>
internal sealed class MirrorPool(OutboundServer server)
{
    /// <summary>Copies under way at once: those of mirrors that do not answer must not pile up behind their client.</summary>
    private const int UnderWayMax = 100;

    private const int KeptMax = 4;

    private readonly Stack<MirrorExchange> _free = [];
    private int _underWay;

    /// <summary>The loop's generator.</summary>
    public ref RandomState Random => ref server.Origin.Context.Random;

    /// <summary>Takes what a copy is made with; null when too many are under way.</summary>
    public MirrorExchange? TryTake()
    {
        RequestTelemetry requests = server.Origin.Context.Requests;
        if (_underWay == UnderWayMax)
        {
            requests.MirrorDropped();
            return null;
        }

        requests.MirrorBegan();
        _underWay++;
        return _free.TryPop(out MirrorExchange? exchange) ? exchange : new MirrorExchange(server);
    }

    /// <summary>Gives it back, once the copy is over.</summary>
    public void Return(MirrorExchange exchange)
    {
        _underWay--;
        if (_free.Count < KeptMax)
        {
            _free.Push(exchange);
        }
    }
}
