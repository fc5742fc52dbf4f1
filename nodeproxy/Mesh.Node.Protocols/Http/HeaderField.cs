namespace Mesh.Node.Protocols.Http;

/// <summary>One field of a <see cref="HeaderList"/>: two views into its buffer, valid until the list changes.</summary>
public readonly ref struct HeaderField
{
    internal HeaderField(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, bool neverIndex)
    {
        Name = name;
        Value = value;
        NeverIndex = neverIndex;
    }

    /// <summary>The name, lower case.</summary>
    public ReadOnlySpan<byte> Name { get; }

    /// <summary>The value, as on the wire.</summary>
    public ReadOnlySpan<byte> Value { get; }

    /// <summary>True when no intermediary may put this field in a compression table (RFC 7541 §7.1.3).</summary>
    public bool NeverIndex { get; }

    /// <summary>True for a pseudo-header: its name begins with a colon.</summary>
    public bool IsPseudo => !Name.IsEmpty && Name[0] == (byte)':';
}
