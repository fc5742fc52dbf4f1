namespace Mesh.Control.Model.Traffic;

/// <summary>What is put into the value of a header for each message.</summary>
public enum HeaderOperator
{
    /// <summary>A text as it stands.</summary>
    Text,
    RequestField,
    ResponseField,
    StartTime,
    Protocol,
    ResponseCode,
    RouteName,
    RequestedServerName,
    ClientAddress,
    ClientAddressWithoutPort,
    DialledAddress,
    DialledAddressWithoutPort,
    DialledPort,
    UpstreamAddress,
}

/// <summary>A part of a header's value. Immutable.</summary>
/// <param name="Operator">What it is.</param>
/// <param name="Text">The text, or the name of a field in lower case; empty for the rest.</param>
public sealed record HeaderValuePart(HeaderOperator Operator, string Text)
{
    /// <summary>The field whose value is taken where there is no such field; empty for none.</summary>
    public string Alternative { get; init; } = string.Empty;

    /// <summary>No more of it; 0 for all.</summary>
    public int BytesMax { get; init; }
}
