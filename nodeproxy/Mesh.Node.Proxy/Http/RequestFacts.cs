using Mesh.Node.Model.Routing;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Protocols.Http;

namespace Mesh.Node.Proxy.Http;

/// <summary>A request as routing sees it: a view of its head.</summary>
internal readonly ref struct RequestFacts : IRequestFacts
{
    private readonly RequestHead _head;
    private readonly Span<byte> _joined;
    private readonly int _pathBytes;

    /// <param name="head">Must not change while the view is used.</param>
    /// <param name="source">The client's workload.</param>
    /// <param name="joined">Room for the value of a field that was sent in several lines; one that has no room counts as absent.</param>
    public RequestFacts(RequestHead head, Workload? source, Span<byte> joined)
    {
        _head = head;
        _joined = joined;
        Source = source;
        int query = head.Path.IndexOf((byte)'?');
        _pathBytes = query < 0 ? head.Path.Length : query;
    }

    /// <inheritdoc/>
    public ReadOnlySpan<byte> Method => _head.Method;

    /// <inheritdoc/>
    public ReadOnlySpan<byte> Scheme => _head.Scheme;

    /// <inheritdoc/>
    public ReadOnlySpan<byte> Authority => _head.Authority;

    /// <inheritdoc/>
    public ReadOnlySpan<byte> Path => _head.Path[.._pathBytes];

    /// <inheritdoc/>
    public ReadOnlySpan<byte> Query => _pathBytes < _head.Path.Length ? _head.Path[(_pathBytes + 1)..] : default;

    /// <inheritdoc/>
    public Workload? Source { get; }

    /// <inheritdoc/>
    public bool TryGetHeader(ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        HeaderList fields = _head.Fields;
        int first = fields.IndexOf(name);
        if (first < 0)
        {
            value = default;
            return false;
        }

        value = fields[first].Value;
        int bytes = -1;
        for (int i = first + 1; i < fields.Count; i++)
        {
            if (!fields[i].Name.SequenceEqual(name))
            {
                continue;
            }

            if (bytes < 0)
            {
                bytes = 0;
                if (!TryJoin(value, ref bytes))
                {
                    return false;
                }
            }

            if (!TryJoin(","u8, ref bytes) || !TryJoin(fields[i].Value, ref bytes))
            {
                value = default;
                return false;
            }
        }

        value = bytes < 0 ? value : _joined[..bytes];
        return true;
    }

    private bool TryJoin(ReadOnlySpan<byte> part, ref int bytes)
    {
        if (!part.TryCopyTo(_joined[bytes..]))
        {
            return false;
        }

        bytes += part.Length;
        return true;
    }
}
