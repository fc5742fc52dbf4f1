using System.Text;

namespace Mesh.Node.Model.Routing;

/// <summary>One condition on a header of a request. Immutable; any thread.</summary>
public sealed class HeaderMatch
{
    private readonly byte[] _name;

    /// <param name="name">The field's name; its case means nothing.</param>
    /// <param name="value">What its value must be.</param>
    /// <param name="isInverted">
    /// The condition holds where the value is not so. A header that is missing is then taken for an empty one, unless all that is asked
    /// is that it be missing (reference B.1, withoutHeaders).
    /// </param>
    public HeaderMatch(string name, ValueMatch value, bool isInverted = false)
    {
        ArgumentNullException.ThrowIfNull(name);
        Name = name.ToLowerInvariant();
        Value = value;
        IsInverted = isInverted;
        _name = Encoding.ASCII.GetBytes(Name);
    }

    /// <summary>Lower case.</summary>
    public string Name { get; }

    public ValueMatch Value { get; }

    public bool IsInverted { get; }

    /// <summary>Whether a request fulfils the condition. No allocation.</summary>
    public bool Matches<TRequest>(scoped ref readonly TRequest request)
        where TRequest : IRequestFacts, allows ref struct
    {
        bool isThere = request.TryGetHeader(_name, out ReadOnlySpan<byte> value);
        if (!IsInverted)
        {
            return isThere && Value.Matches(value);
        }

        return Value.Kind == ValueMatchKind.Present ? !isThere : !Value.Matches(isThere ? value : []);
    }

    public override string ToString() => $"{(IsInverted ? "without" : "with")} {Name} {Value}";
}
