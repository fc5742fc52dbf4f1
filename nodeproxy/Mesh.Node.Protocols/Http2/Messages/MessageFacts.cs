namespace Mesh.Node.Protocols.Http2.Messages;

/// <summary>What a connection must know of a message to carry it.</summary>
public record struct MessageFacts
{
    /// <summary>The method is CONNECT, plain or extended.</summary>
    public bool IsConnect { get; set; }

    /// <summary>The method is HEAD.</summary>
    public bool IsHead { get; set; }

    /// <summary>100 to 999; zero for a request.</summary>
    public int Status { get; set; }

    /// <summary>The value of content-length, or -1 when there is none.</summary>
    public long ContentBytes { get; set; }
}
