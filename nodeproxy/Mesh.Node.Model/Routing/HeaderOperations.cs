using System.Collections.Immutable;
using System.Text;

namespace Mesh.Node.Model.Routing;

/// <summary>
/// What is changed of the fields of a head, in this order: some are removed, some set, some added. Immutable; any thread.
/// </summary>
/// <param name="Remove">Fields that are taken out, all lines of them.</param>
/// <param name="Set">Fields that replace all lines of their name.</param>
/// <param name="Add">Fields that come to what is there.</param>
public sealed record HeaderOperations(
    ImmutableArray<HeaderName> Remove, ImmutableArray<HeaderField> Set, ImmutableArray<HeaderField> Add)
{
    /// <summary>Nothing is changed.</summary>
    public static HeaderOperations None { get; } = new([], [], []);

    public bool IsEmpty => Remove.IsEmpty && Set.IsEmpty && Add.IsEmpty;
}

/// <summary>The name of a field, ready to be written. Immutable.</summary>
public sealed class HeaderName
{
    private readonly byte[] _bytes;

    /// <param name="text">Its case means nothing.</param>
    public HeaderName(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        Text = text.ToLowerInvariant();
        _bytes = Encoding.ASCII.GetBytes(Text);
    }

    /// <summary>Lower case.</summary>
    public string Text { get; }

    /// <inheritdoc cref="Text"/>
    public ReadOnlySpan<byte> Bytes => _bytes;

    /// <inheritdoc cref="Text"/>
    public ReadOnlyMemory<byte> Memory => _bytes;

    public override string ToString() => Text;
}

/// <summary>A field, ready to be written. Immutable.</summary>
public sealed class HeaderField
{
    private readonly byte[] _value;

    public HeaderField(string name, string value)
    {
        Name = new HeaderName(name);
        Value = value;
        _value = Encoding.UTF8.GetBytes(value);
    }

    public HeaderName Name { get; }

    /// <summary>Without surrounding whitespace. With parts only what people read.</summary>
    public string Value { get; }

    /// <summary>Put together for each message in place of the value; none where it stands as it is.</summary>
    public ImmutableArray<ValuePart> Parts { get; init; } = [];

    /// <inheritdoc cref="Value"/>
    public ReadOnlySpan<byte> ValueBytes => _value;

    /// <inheritdoc cref="Value"/>
    public ReadOnlyMemory<byte> ValueMemory => _value;

    public override string ToString() => $"{Name}: {Value}";
}
