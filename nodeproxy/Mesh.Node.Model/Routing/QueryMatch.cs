using System.Text;

namespace Mesh.Node.Model.Routing;

/// <summary>
/// One condition on a query parameter: on its first value, both compared as sent, without decoding. Immutable; any thread.
/// </summary>
public sealed class QueryMatch
{
    private readonly byte[] _name;

    /// <param name="name">The parameter's name; its case counts.</param>
    /// <param name="value">What its value must be; it is empty where the query has none.</param>
    public QueryMatch(string name, ValueMatch value)
    {
        ArgumentNullException.ThrowIfNull(name);
        Name = name;
        Value = value;
        _name = Encoding.UTF8.GetBytes(name);
    }

    public string Name { get; }

    public ValueMatch Value { get; }

    /// <summary>Whether a query fulfils the condition. No allocation.</summary>
    public bool Matches(ReadOnlySpan<byte> query) => TryGet(query, _name, out ReadOnlySpan<byte> value) && Value.Matches(value);

    public override string ToString() => $"query {Name} {Value}";

    /// <summary>Finds the first value of a parameter.</summary>
    public static bool TryGet(ReadOnlySpan<byte> query, ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        while (!query.IsEmpty)
        {
            int end = query.IndexOf((byte)'&');
            ReadOnlySpan<byte> parameter = end < 0 ? query : query[..end];
            query = end < 0 ? [] : query[(end + 1)..];
            int equals = parameter.IndexOf((byte)'=');
            if ((equals < 0 ? parameter : parameter[..equals]).SequenceEqual(name) && !parameter.IsEmpty)
            {
                value = equals < 0 ? [] : parameter[(equals + 1)..];
                return true;
            }
        }

        value = default;
        return false;
    }
}
