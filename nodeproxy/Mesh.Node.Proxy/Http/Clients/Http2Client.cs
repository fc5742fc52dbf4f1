using System.Runtime.ExceptionServices;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http2;
using Mesh.Node.Protocols.Http2.Messages;
using Mesh.Node.Proxy.Http.Http2;
using Mesh.Node.Proxy.Loops;
using Mesh.Node.Transport.Buffers;
using Mesh.Node.Transport.EventLoops;
using Microsoft.AspNetCore.Connections;

namespace Mesh.Node.Proxy.Http.Clients;

/// <summary>Serves a client that speaks HTTP/2: as many requests at once as it has streams open.</summary>
/// <remarks>
/// What is ambiguous is answered on its stream, never passed on, and the others go on. Held to the same limits as a client of HTTP/1, and
/// to those of <see cref="HttpLimits.Http2"/>. Lives on one loop.
/// </remarks>
internal sealed class Http2Client : IHttp2SessionOwner
{
    private const string Unsayable = "The request cannot be said in every version of HTTP.";

    private readonly LoopContext _context;
    private readonly IRequestServer _server;
    private readonly HttpLimits _limits;
    private readonly Http2Session _session;
    private readonly Stack<Http2ClientExchange> _free = new();
    private readonly LoopCompletion<bool> _ended;
    private int _underWay;
    private Exception? _fault;

    /// <param name="connection">Ready to carry bytes, the preface first. The caller's.</param>
    /// <param name="context">The connection's loop.</param>
    /// <param name="idleLimit">Time without a request after which the connection ends.</param>
    /// <param name="server">Answers.</param>
    /// <param name="budget">What requests send and nobody has taken counts towards it.</param>
    public Http2Client(
        ConnectionContext connection, LoopContext context, TimeSpan idleLimit, IRequestServer server, BufferBudget budget)
    {
        _context = context;
        _server = server;
        _limits = context.Services.Http;
        _ended = new LoopCompletion<bool>(context.Loop);
        _session = new Http2Session(
            connection,
            context.Loop,
            Http2Role.Server,
            _limits.Http2,
            new Http2SessionOptions { IdleLimit = idleLimit, StallLimit = idleLimit },
            this,
            budget);
    }

    /// <summary>What more is to be said of its end, for people; null for nothing.</summary>
    public string? EndDetail => _session.EndDetail;

    /// <summary>Serves requests until the connection is at its end, and the last of them is. The caller disposes the connection.</summary>
    public async ValueTask<Http2SessionEnd> RunAsync()
    {
        Http2SessionEnd end = await _session.RunAsync();
        if (_underWay > 0)
        {
            await _ended.WaitAsync();
        }

        if (_fault is not null)
        {
            ExceptionDispatchInfo.Throw(_fault);
        }

        return end;
    }

    /// <summary>The connection closes when the requests under way are answered, those that are on their way included.</summary>
    public void BeginDrain() => _session.BeginDrain();

    void IHttp2SessionOwner.OnStreamOpened(Http2SessionStream stream, HeaderList block, bool endStream)
    {
        Http2ClientExchange exchange = _free.TryPop(out Http2ClientExchange? free) ? free : new Http2ClientExchange(this);
        exchange.Begin(stream);
        RequestHead request = exchange.Request;
        bool isSayable = Http2RequestHeads.TryRead(block, endStream, _limits.Http1.UpgradeProtocols, request);
        int refusal = !isSayable ? request.ExpectsContinue ? 417 : 400
            : request.Path.Length > _limits.Http1.StartLineBytesMax ? 414
            : request.Fields.Count > _limits.Http1.FieldsMax ? 431
            : 0;
        if (refusal != 0)
        {
            exchange.Refuse(refusal);
            _server.OnRefused(exchange, refusal, Unsayable);
            _free.Push(exchange);
            return;
        }

        if (!request.Upgrade.IsEmpty)
        {
            SetWebSocketKey(request);
        }

        _underWay++;
        exchange.Serve(_server);
    }

    void IHttp2SessionOwner.OnRequestRefused(HeaderVerdict verdict)
    {
        Http2ClientExchange exchange = _free.TryPop(out Http2ClientExchange? free) ? free : new Http2ClientExchange(this);
        exchange.Request.Clear();
        _server.OnRefused(exchange, verdict == HeaderVerdict.ListTooLarge ? 431 : 400, TextOf(verdict));
        _free.Push(exchange);
    }

    void IHttp2SessionOwner.OnCapacityChanged(Http2Session session)
    {
        // Of interest to who opens streams.
    }

    /// <summary>An exchange has ended.</summary>
    /// <param name="exchange">Serves another from here on.</param>
    /// <param name="fault">What went wrong on our side; null for nothing.</param>
    public void OnServed(Http2ClientExchange exchange, Exception? fault)
    {
        _underWay--;
        _free.Push(exchange);
        if (fault is not null)
        {
            _fault ??= fault;
            _session.Abort();
        }

        if (_underWay == 0)
        {
            _ended.TryComplete(true);
        }
    }

    /// <summary>A WebSocket has a key in HTTP/1.1, and none here (RFC 8441 §5).</summary>
    private void SetWebSocketKey(RequestHead request)
    {
        Span<byte> nonce = stackalloc byte[WebSocketHandshake.NonceBytes];
        BitConverter.TryWriteBytes(nonce, _context.Random.Next());
        BitConverter.TryWriteBytes(nonce[8..], _context.Random.Next());
        WebSocketHandshake.SetKey(nonce, request.Fields);
    }

    private static string TextOf(HeaderVerdict verdict) => verdict switch
    {
        HeaderVerdict.BadName => "The name of a field is not a token in lower case.",
        HeaderVerdict.BadValue => "The value of a field has a control character or whitespace at an end.",
        HeaderVerdict.UnknownPseudo => "A pseudo-header that no request has.",
        HeaderVerdict.RepeatedPseudo => "A pseudo-header stands there twice.",
        HeaderVerdict.MissingPseudo => "A pseudo-header is missing.",
        HeaderVerdict.UnexpectedPseudo => "A pseudo-header that its method does not allow.",
        HeaderVerdict.MisplacedPseudo => "A pseudo-header behind a field.",
        HeaderVerdict.BadPseudoValue => "A pseudo-header has no good value.",
        HeaderVerdict.ConnectionSpecific => "A field that belongs to connections of HTTP/1.",
        HeaderVerdict.BadContentLength => "Content-Length is not a number, or contradicts itself or the content.",
        HeaderVerdict.HostMismatch => "Host and :authority differ, or there is more than one Host.",
        _ => "The fields together are larger than the limit.",
    };
}
