using System.Buffers;
using Mesh.Node.Model.Routing;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Proxy.Http.Content;

namespace Mesh.Node.Proxy.Http.Mirrors;

/// <summary>The copies of one request that are under way. Lives on its loop.</summary>
internal sealed class MirrorSet(MirrorPool pool) : IContentTap
{
    // Whatever is given to one may end it, and others: they go from here meanwhile.
    private readonly List<MirrorExchange> _open = [];

    /// <summary>Begins those that a route asks for of this request.</summary>
    /// <param name="action">The route's.</param>
    /// <param name="head">The request as its first attempt sends it.</param>
    public void Start(ForwardAction action, RequestHead head)
    {
        foreach (Mirror mirror in action.Mirrors)
        {
            if (mirror.Share.Draw(ref pool.Random) && pool.TryTake() is MirrorExchange exchange)
            {
                _open.Add(exchange);
                exchange.Start(this, mirror, head, action.Timeout);
            }
        }
    }

    /// <summary>The request itself is over.</summary>
    public void End()
    {
        // From here on they are on their own: the next request has its own copies.
        while (_open.Count > 0)
        {
            MirrorExchange exchange = _open[^1];
            _open.RemoveAt(_open.Count - 1);
            exchange.Outlive();
        }
    }

    /// <inheritdoc/>
    public void OnContent(in ReadOnlySequence<byte> bytes)
    {
        for (int i = _open.Count - 1; i >= 0; i = Math.Min(i, _open.Count) - 1)
        {
            _open[i].Take(bytes);
        }
    }

    /// <inheritdoc/>
    public void OnEnd(HeaderList trailers)
    {
        for (int i = _open.Count - 1; i >= 0; i = Math.Min(i, _open.Count) - 1)
        {
            _open[i].TakeEnd(trailers);
        }
    }

    /// <summary>One is over.</summary>
    public void OnOver(MirrorExchange exchange)
    {
        _open.Remove(exchange);
        pool.Return(exchange);
    }
}
