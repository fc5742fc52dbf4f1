namespace Mesh.Node.Protocols.Probes;

/// <summary>What becomes of the bytes of a client that may only probe.</summary>
/// <param name="ReleasedBytes">How many of them, from the front, may go on to the application; 0 where more must be seen first.</param>
/// <param name="Refusal">Why the client is refused, for an operator; null while it is not.</param>
public readonly record struct ProbeVerdict(int ReleasedBytes, string? Refusal)
{
    /// <summary>More must be seen.</summary>
    public static ProbeVerdict NeedMore => default;

    /// <summary>That many bytes ask for what may be asked.</summary>
    public static ProbeVerdict Release(int bytes) => new(bytes, null);

    /// <summary>The client asks for something else.</summary>
    public static ProbeVerdict Refuse(string reason) => new(0, reason);
}
