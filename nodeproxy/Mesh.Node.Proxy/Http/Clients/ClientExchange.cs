using Mesh.Node.Protocols.Http;
using Mesh.Node.Proxy.Http.Content;

namespace Mesh.Node.Proxy.Http.Clients;

/// <summary>One request of a client and the way its answer goes back, whatever the version of HTTP. Lives on the client's loop.</summary>
internal abstract class ClientExchange
{
    /// <summary>What the client asked, as it asked it.</summary>
    public RequestHead Request { get; } = new();

    /// <summary>The request's content.</summary>
    public abstract IContentReader Content { get; }

    /// <summary>Whether the client is gone, so that nothing need be done for it any more.</summary>
    public abstract bool IsGone { get; }

    /// <summary>Whether it is gone because it took nothing of its answer for too long.</summary>
    public virtual bool HasStalled => false;

    /// <summary>Whether the head of a final response was written: there can be no other.</summary>
    public bool HasResponded { get; protected set; }

    /// <summary>Who is told, once, that the client is gone; null for nobody.</summary>
    public IClientWatch? Watch { get; set; }

    /// <summary>Sends an informational response, where the client's version knows them. Its delivery is not waited for.</summary>
    public abstract ValueTask<bool> InformAsync(ResponseHead head);

    /// <summary>Writes the head of the final response; it leaves with the first flush.</summary>
    /// <param name="head">Its framing is adapted to what the client's version can take.</param>
    /// <returns>Where the content goes, none included; null, and nothing was written, when the head cannot be said to the client.</returns>
    public abstract IContentWriter? TryRespond(ResponseHead head);

    /// <summary>Cuts the exchange off, so that the client does not take what it has for a whole response.</summary>
    public abstract void Abort();
}

/// <summary>Is told that a client is gone before its answer was complete.</summary>
internal interface IClientWatch
{
    /// <summary>Called on the loop, at most once an exchange.</summary>
    void OnClientGone();
}

/// <summary>Serves requests, one call each.</summary>
internal interface IRequestServer
{
    /// <summary>
    /// Answers one request: ends when the response is complete, or cut off. The content of the request need not have been read to its end.
    /// </summary>
    ValueTask ServeAsync(ClientExchange exchange);

    /// <summary>
    /// A request was refused before it was one: what could be read of it is in the exchange, and the answer has been written.
    /// </summary>
    void OnRefused(ClientExchange exchange, int status, string detail);

    /// <summary>Why what the client sent was refused; null while it was not.</summary>
    string? Refusal { get; }
}
