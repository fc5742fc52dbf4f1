namespace Mesh.Node.Protocols.Http;

/// <summary>
/// The head of a request, of any version: what HTTP/1 says in its request line and HTTP/2 in pseudo-headers, and the fields that go from
/// end to end. Reused from request to request: it allocates only to grow. Not thread-safe.
/// </summary>
/// <remarks>
/// The bytes are copies: a head outlives the input it was read from. What concerns one connection only is not among the
/// fields but a property, or gone: host, connection, keep-alive, proxy-connection, te, upgrade, transfer-encoding, content-length.
/// An upgrade is told as HTTP/1.1 tells it (GET with <see cref="Upgrade"/>), in HTTP/2 too, where it is an extended CONNECT.
/// Spans are valid until the head changes.
/// </remarks>
public sealed class RequestHead
{
    private readonly TextArena _texts = new();
    private TextRange _method;
    private TextRange _scheme;
    private TextRange _authority;
    private TextRange _path;
    private TextRange _upgrade;

    /// <summary>The fields, without those that are properties of the head. Names in lower case.</summary>
    public HeaderList Fields { get; } = new();

    /// <summary>The version it came in.</summary>
    public HttpProtocol Protocol { get; set; }

    /// <summary>A token; methods differ by case.</summary>
    public ReadOnlySpan<byte> Method
    {
        get => _texts[_method];
        set => _method = _texts.Add(value);
    }

    /// <summary>"http" or "https", in lower case. Empty for CONNECT.</summary>
    public ReadOnlySpan<byte> Scheme
    {
        get => _texts[_scheme];
        set => _scheme = _texts.Add(value);
    }

    /// <summary>Host and perhaps port, as it was sent. Empty when HTTP/1.0 said none; always with a port for CONNECT.</summary>
    public ReadOnlySpan<byte> Authority
    {
        get => _texts[_authority];
        set => _authority = _texts.Add(value);
    }

    /// <summary>Path and query, beginning with a slash; "*" for OPTIONS of a whole server; empty for CONNECT. Not normalised.</summary>
    public ReadOnlySpan<byte> Path
    {
        get => _texts[_path];
        set => _path = _texts.Add(value);
    }

    /// <summary>The protocol the client asks to change to after this request, "websocket" say. Empty when it does not.</summary>
    public ReadOnlySpan<byte> Upgrade
    {
        get => _texts[_upgrade];
        set => _upgrade = _texts.Add(value);
    }

    /// <summary>How its content is delimited. A tunnel for CONNECT; an upgrade is none yet, the response decides.</summary>
    public BodyFraming Body { get; set; } = BodyFraming.None;

    /// <summary>
    /// The client lets its connection serve further requests. Always true for HTTP/2, where a connection ends by other means.
    /// </summary>
    public bool IsPersistent { get; set; }

    /// <summary>The client waits for 100 before it sends content.</summary>
    public bool ExpectsContinue { get; set; }

    /// <summary>The client takes trailers in the response (te: trailers). gRPC depends on it.</summary>
    public bool AcceptsTrailers { get; set; }

    /// <summary>True for CONNECT: a tunnel to <see cref="Authority"/>.</summary>
    public bool IsConnect => Method.SequenceEqual("CONNECT"u8);

    /// <summary>True for HEAD, whose responses have no content.</summary>
    public bool IsHead => Method.SequenceEqual("HEAD"u8);

    /// <summary>Forgets everything but the buffers, and those too when one large head made them large.</summary>
    public void Clear()
    {
        _texts.Clear();
        _method = default;
        _scheme = default;
        _authority = default;
        _path = default;
        _upgrade = default;
        Fields.ClearAndShrink(HeaderList.BufferBytesKept);
        Protocol = default;
        Body = BodyFraming.None;
        IsPersistent = false;
        ExpectsContinue = false;
        AcceptsTrailers = false;
    }

    /// <summary>Takes over another head, so that the request can be sent once more, or rewritten and still be known as it was.</summary>
    public void CopyFrom(RequestHead other)
    {
        ArgumentNullException.ThrowIfNull(other);
        _texts.CopyFrom(other._texts);
        _method = other._method;
        _scheme = other._scheme;
        _authority = other._authority;
        _path = other._path;
        _upgrade = other._upgrade;
        Fields.CopyFrom(other.Fields);
        Protocol = other.Protocol;
        Body = other.Body;
        IsPersistent = other.IsPersistent;
        ExpectsContinue = other.ExpectsContinue;
        AcceptsTrailers = other.AcceptsTrailers;
    }

    /// <summary>A slash and a query: the path of an absolute target that has none (RFC 9112 §3.2.2).</summary>
    internal void SetPath(ReadOnlySpan<byte> start, ReadOnlySpan<byte> rest) => _path = _texts.Add(start, rest);
}
