using System.Text;
using Mesh.Node.Model.Routing;

namespace Mesh.Node.Model.Policies.Requests;

/// <summary>A condition on a header, ready to be asked. Immutable; any thread.</summary>
internal sealed class CompiledHeader
{
    private readonly byte[] _name;
    private readonly Place _place;
    private readonly ByteTextSet? _values;
    private readonly ByteTextSet? _notValues;

    public CompiledHeader(HeaderCondition condition)
    {
        string name = condition.Name.ToLowerInvariant();
        _name = Encoding.UTF8.GetBytes(name);
        _place = name switch
        {
            // HTTP/1 has a Host where HTTP/2 has an authority.
            "host" or ":authority" => Place.Authority,
            ":method" => Place.Method,
            ":scheme" => Place.Scheme,
            _ => Place.Field,
        };
        _values = ByteTextSet.Create(condition.Values);
        _notValues = ByteTextSet.Create(condition.NotValues);
    }

    /// <summary>True when its lists hold; a header that is missing satisfies the negative one alone. No allocation.</summary>
    public bool Holds<TRequest>(scoped ref readonly TRequest request)
        where TRequest : IRequestFacts, allows ref struct
    {
        bool isThere = TryGet(in request, out ReadOnlySpan<byte> value);
        return (_values is null || (isThere && _values.Matches(value)))
            && (_notValues is null || !isThere || !_notValues.Matches(value));
    }

    private bool TryGet<TRequest>(scoped ref readonly TRequest request, out ReadOnlySpan<byte> value)
        where TRequest : IRequestFacts, allows ref struct
    {
        switch (_place)
        {
            case Place.Authority:
                value = request.Authority;
                return !value.IsEmpty;
            case Place.Method:
                value = request.Method;
                return true;
            case Place.Scheme:
                value = request.Scheme;
                return !value.IsEmpty;
            default:
                return request.TryGetHeader(_name, out value);
        }
    }

    private enum Place
    {
        Field,
        Authority,
        Method,
        Scheme,
    }
}
