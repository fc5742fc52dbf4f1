using System.Buffers;
using System.Text;
using Mesh.Node.Model.Routing;
using Mesh.Node.Protocols.Http;

namespace Mesh.Node.Proxy.Http.Outbound;

/// <summary>What a route and a destination of it change of a request before it is sent on.</summary>
internal static class RouteChanges
{
    /// <summary>Makes the request that is sent of the one that came.</summary>
    /// <param name="request">As it came, its path normalised.</param>
    /// <param name="head">Replaced.</param>
    /// <param name="route">The route; null for none.</param>
    /// <param name="match">The match by which it was found.</param>
    /// <param name="destination">The destination that was drawn; null for none.</param>
    /// <param name="facts">What operators of header values speak of.</param>
    /// <param name="texts">Room to work in.</param>
    /// <returns>False when the route makes the path longer than it may be; the head is then of no use.</returns>
    public static bool TryApply(
        RequestHead request,
        RequestHead head,
        Route? route,
        RouteMatch? match,
        WeightedDestination? destination,
        in MessageFacts facts,
        ArrayBufferWriter<byte> texts)
    {
        head.CopyFrom(request);
        if (route is null)
        {
            return true;
        }

        var action = route.Action as ForwardAction;
        if (action?.Rewrite is PathRewrite rewrite)
        {
            texts.ResetWrittenCount();
            ReadOnlySpan<byte> target = request.Path;
            int query = target.IndexOf((byte)'?');
            if (!rewrite.TryWrite(query < 0 ? target : target[..query], match?.Path, texts))
            {
                return false;
            }

            if (query >= 0)
            {
                texts.Write(target[query..]);
            }

            head.Path = texts.WrittenSpan;
        }

        if ((destination?.Authority ?? action?.Authority) is string authority)
        {
            texts.ResetWrittenCount();
            texts.Advance(Encoding.UTF8.GetBytes(authority, texts.GetSpan(authority.Length * 3)));
            head.Authority = texts.WrittenSpan;
        }

        HeaderChanges.Apply(route.RequestHeaders, head.Fields, facts, texts);
        if (destination is not null)
        {
            HeaderChanges.Apply(destination.RequestHeaders, head.Fields, facts, texts);
        }

        return true;
    }
}
