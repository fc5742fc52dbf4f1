namespace Mesh.Node.Model.Routing;

/// <summary>What is put into the value of a field for each message.</summary>
public enum ValueOperator
{
    /// <summary>A text as it stands.</summary>
    Text,

    /// <summary>A field of the request as it came, or <c>:method</c>, <c>:scheme</c>, <c>:authority</c> or <c>:path</c> of it.</summary>
    RequestField,

    /// <summary>A field of the response as it is by then.</summary>
    ResponseField,

    /// <summary>When the request began, as 2024-05-01T12:00:00.000Z.</summary>
    StartTime,

    /// <summary>HTTP/1.0, HTTP/1.1 or HTTP/2: the client's.</summary>
    Protocol,

    ResponseCode,

    RouteName,

    /// <summary>The host that the client's TLS asked for.</summary>
    RequestedServerName,

    ClientAddress,

    ClientAddressWithoutPort,

    /// <summary>The address that the client dialled.</summary>
    DialledAddress,

    DialledAddressWithoutPort,

    DialledPort,

    /// <summary>The endpoint that answered.</summary>
    UpstreamAddress,
}

/// <summary>A part of a field's value. Immutable; any thread.</summary>
/// <param name="Operator">What it is.</param>
public sealed record ValuePart(ValueOperator Operator)
{
    /// <summary>With <see cref="ValueOperator.Text"/>.</summary>
    public ReadOnlyMemory<byte> Text { get; init; }

    /// <summary>Of a field of the request or the response.</summary>
    public HeaderName? Field { get; init; }

    /// <summary>The field whose value is taken where there is no such field; null for none.</summary>
    public HeaderName? Alternative { get; init; }

    /// <summary>No more bytes of it.</summary>
    public int BytesMax { get; init; } = int.MaxValue;
}
