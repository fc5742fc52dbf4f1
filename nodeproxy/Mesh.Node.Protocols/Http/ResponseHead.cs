namespace Mesh.Node.Protocols.Http;

/// <summary>
/// The head of a response, of any version, informational or final. Reused from response to response: it allocates only to grow. Not
/// thread-safe.
/// </summary>
/// <remarks>
/// As in <see cref="RequestHead"/> the bytes are copies, and fields of one connection only are properties or gone. The reason phrase of
/// HTTP/1 is not kept: HTTP/2 has none, and nobody may act on it (RFC 9112 §4). An accepted upgrade is told as HTTP/1.1 tells it: 101.
/// Spans are valid until the head changes.
/// </remarks>
public sealed class ResponseHead
{
    private readonly TextArena _texts = new();
    private TextRange _upgrade;

    /// <summary>The fields, without those that are properties of the head. Names in lower case.</summary>
    public HeaderList Fields { get; } = new();

    /// <summary>The version it came in.</summary>
    public HttpProtocol Protocol { get; set; }

    /// <summary>100 to 999.</summary>
    public int Status { get; set; }

    /// <summary>The protocol a 101 changes to, or a 426 asks for. Empty when there is none.</summary>
    public ReadOnlySpan<byte> Upgrade
    {
        get => _texts[_upgrade];
        set => _upgrade = _texts.Add(value);
    }

    /// <summary>How its content is delimited, the request considered: none after HEAD, a tunnel after a CONNECT that succeeded.</summary>
    public BodyFraming Body { get; set; } = BodyFraming.None;

    /// <summary>
    /// The server lets its connection serve further requests, and its content does not end with it. Always true for HTTP/2.
    /// </summary>
    public bool IsPersistent { get; set; }

    /// <summary>A response before the final one (RFC 9110 §15.2). 101 is none: after it there is no HTTP.</summary>
    public bool IsInformational => Status is >= 100 and < 200 and not 101;

    /// <summary>Forgets everything but the buffers, and those too when one large head made them large.</summary>
    public void Clear()
    {
        _texts.Clear();
        _upgrade = default;
        Fields.ClearAndShrink(HeaderList.BufferBytesKept);
        Protocol = default;
        Status = 0;
        Body = BodyFraming.None;
        IsPersistent = false;
    }

    /// <summary>Takes over another head.</summary>
    public void CopyFrom(ResponseHead other)
    {
        ArgumentNullException.ThrowIfNull(other);
        _texts.CopyFrom(other._texts);
        _upgrade = other._upgrade;
        Fields.CopyFrom(other.Fields);
        Protocol = other.Protocol;
        Status = other.Status;
        Body = other.Body;
        IsPersistent = other.IsPersistent;
    }
}
