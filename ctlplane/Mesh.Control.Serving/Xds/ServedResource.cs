using System.Collections.Immutable;
using System.Security.Cryptography;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Mesh.Api.Discovery;

namespace Mesh.Control.Serving.Xds;

/// <summary>A resource ready to send. Immutable, and shared by all streams.</summary>
public sealed class ServedResource
{
    private const int VersionBytes = 8;

    private ServedResource(Resource message)
    {
        Message = message;
        Name = message.Name;
        Version = message.Version;
    }

    public string Name { get; }

    /// <summary>A hash of the content: the same content has the same version in every process and after every restart.</summary>
    public string Version { get; }

    /// <summary>Never modified after it was made.</summary>
    public Resource Message { get; }

    /// <summary>Other names a client may ask for it by.</summary>
    public ImmutableArray<string> Aliases { get; private init; } = [];

    /// <summary>The node it runs on, for workloads; else empty.</summary>
    public string Node { get; private init; } = string.Empty;

    /// <summary>The services it is an endpoint of, for workloads.</summary>
    public ImmutableArray<string> Services { get; private init; } = [];

    public static ServedResource Of(string typeUrl, string name, IMessage body) => Of(typeUrl, name, body, [], string.Empty, []);

    public static ServedResource Of(
        string typeUrl, string name, IMessage body, ImmutableArray<string> aliases, string node, ImmutableArray<string> services)
    {
        ByteString bytes = body.ToByteString();
        var message = new Resource
        {
            Name = name,
            Version = Convert.ToHexStringLower(SHA256.HashData(bytes.Span).AsSpan(0, VersionBytes)),
            Resource_ = new Any { TypeUrl = typeUrl, Value = bytes },
        };
        message.Aliases.AddRange(aliases);
        return new ServedResource(message) { Aliases = aliases, Node = node, Services = services };
    }
}
