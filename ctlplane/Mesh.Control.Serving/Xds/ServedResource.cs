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

    private ServedResource(Resource message, Resource whole)
    {
        Message = message;
        Whole = whole;
        Name = message.Name;
        Version = message.Version;
    }

    public string Name { get; }

    /// <summary>A hash of the whole content: the same content has the same version in every process and after every restart.</summary>
    public string Version { get; }

    /// <summary>What any client may read. Never modified after it was made.</summary>
    public Resource Message { get; }

    /// <summary>
    /// What this mesh's own proxies read; the same as <see cref="Message"/> where there is nothing more to say. Never modified after it
    /// was made.
    /// </summary>
    public Resource Whole { get; }

    /// <summary>Other names a client may ask for it by.</summary>
    public ImmutableArray<string> Aliases { get; private init; } = [];

    /// <summary>The node it runs on, for workloads; else empty.</summary>
    public string Node { get; private init; } = string.Empty;

    /// <summary>The services it is an endpoint of, for workloads.</summary>
    public ImmutableArray<string> Services { get; private init; } = [];

    public static ServedResource Of(string typeUrl, string name, IMessage body) => Of(typeUrl, name, body, [], string.Empty, []);

    /// <summary>A resource in two forms, of which a client gets one.</summary>
    /// <param name="typeUrl">Its type.</param>
    /// <param name="name">Its name.</param>
    /// <param name="body">What any client may read.</param>
    /// <param name="whole">What this mesh's own proxies read.</param>
    public static ServedResource OfForms(string typeUrl, string name, IMessage body, IMessage whole)
    {
        ByteString wholeBytes = whole.ToByteString();
        string version = VersionOf(wholeBytes);
        return new ServedResource(MessageOf(typeUrl, name, version, body.ToByteString()), MessageOf(typeUrl, name, version, wholeBytes));
    }

    public static ServedResource Of(
        string typeUrl, string name, IMessage body, ImmutableArray<string> aliases, string node, ImmutableArray<string> services)
    {
        ByteString bytes = body.ToByteString();
        Resource message = MessageOf(typeUrl, name, VersionOf(bytes), bytes);
        message.Aliases.AddRange(aliases);
        return new ServedResource(message, message) { Aliases = aliases, Node = node, Services = services };
    }

    private static Resource MessageOf(string typeUrl, string name, string version, ByteString bytes) =>
        new() { Name = name, Version = version, Resource_ = new Any { TypeUrl = typeUrl, Value = bytes } };

    private static string VersionOf(ByteString bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes.Span).AsSpan(0, VersionBytes));
}
