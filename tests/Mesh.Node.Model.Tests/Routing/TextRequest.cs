using System.Text;
using Mesh.Node.Model.Routing;
using Mesh.Node.Model.Workloads;

namespace Mesh.Node.Model.Tests.Routing;

/// <summary>A request of which a test says only what it is about.</summary>
internal sealed record TextRequest : IRequestFacts
{
    private readonly byte[] _path = "/"u8.ToArray();
    private readonly byte[] _query = [];

    public TextRequest(string target = "/")
    {
        int mark = target.IndexOf('?', StringComparison.Ordinal);
        _path = Encoding.UTF8.GetBytes(mark < 0 ? target : target[..mark]);
        _query = mark < 0 ? [] : Encoding.UTF8.GetBytes(target[(mark + 1)..]);
    }

    public string Verb { get; init; } = "GET";

    public string Host { get; init; } = "shop";

    public string Protocol { get; init; } = "http";

    public Workload? Client { get; init; }

    public Dictionary<string, string> Fields { get; init; } = [];

    ReadOnlySpan<byte> IRequestFacts.Method => Encoding.UTF8.GetBytes(Verb);

    ReadOnlySpan<byte> IRequestFacts.Scheme => Encoding.UTF8.GetBytes(Protocol);

    ReadOnlySpan<byte> IRequestFacts.Authority => Encoding.UTF8.GetBytes(Host);

    ReadOnlySpan<byte> IRequestFacts.Path => _path;

    ReadOnlySpan<byte> IRequestFacts.Query => _query;

    Workload? IRequestFacts.Source => Client;

    bool IRequestFacts.TryGetHeader(ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        bool isThere = Fields.TryGetValue(Encoding.UTF8.GetString(name), out string? text);
        value = isThere ? Encoding.UTF8.GetBytes(text!) : [];
        return isThere;
    }
}
