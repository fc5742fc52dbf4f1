using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace Mesh.Cni.Contract;

/// <summary>
/// What plugin and agent say to each other over a unix SEQPACKET socket: one request, one answer, each one message of JSON. Pure.
/// </summary>
public static class CniMessages
{
    /// <summary>Of both messages. An agent of another version answers with an error, so plugin and agent are installed together.</summary>
    public const int Version = 1;

    /// <summary>The longest request. The longest are GC's: some 600 attachments.</summary>
    public const int RequestBytesMax = 64 * 1024;

    /// <summary>The longest answer.</summary>
    public const int AnswerBytesMax = 16 * 1024;

    private const int TextCharactersMax = 1024;

    /// <summary>A request as it is sent.</summary>
    /// <exception cref="CniMessageException">It is longer than an agent takes.</exception>
    public static byte[] Encode(CniRequest request)
    {
        byte[] message = JsonSerializer.SerializeToUtf8Bytes(request, CniMessagesJson.Default.CniRequest);
        return message.Length <= RequestBytesMax
            ? message
            : throw new CniMessageException($"The request has {message.Length} bytes, and {RequestBytesMax} are allowed.");
    }

    /// <summary>An answer as it is sent. Texts that are too long are cut.</summary>
    public static byte[] Encode(CniAnswer answer)
    {
        CniAnswer bounded = CniAnswer.Failure(answer.Code, Cut(answer.Message), Cut(answer.Details));
        return JsonSerializer.SerializeToUtf8Bytes(bounded, CniMessagesJson.Default.CniAnswer);
    }

    /// <summary>Reads a request.</summary>
    /// <exception cref="CniMessageException">It is none; the message says why.</exception>
    public static CniRequest DecodeRequest(ReadOnlySpan<byte> message)
    {
        CniRequest request = Decode(message, RequestBytesMax, CniMessagesJson.Default.CniRequest);
        RequireVersion(request.Version);
        bool isAboutOne = request.Command is CniCommand.Add or CniCommand.Delete or CniCommand.Check;
        if (isAboutOne && (request.ContainerId is null || request.InterfaceName is null))
        {
            throw new CniMessageException("containerId and interfaceName are missing.");
        }

        if (request.Command is CniCommand.Add or CniCommand.Check
            && (request.NetworkNamespace is null || request.PodName is null || request.PodNamespace is null))
        {
            throw new CniMessageException("networkNamespace, podName and podNamespace are missing.");
        }

        if (request.NetworkNamespace is string path
            && (!path.StartsWith('/') || path.Contains('\0', StringComparison.Ordinal) || path.Split('/').Contains("..")))
        {
            throw new CniMessageException("networkNamespace is not a path from the root without '..'.");
        }

        return request;
    }

    /// <summary>Reads an answer.</summary>
    /// <exception cref="CniMessageException">It is none; the message says why.</exception>
    public static CniAnswer DecodeAnswer(ReadOnlySpan<byte> message)
    {
        CniAnswer answer = Decode(message, AnswerBytesMax, CniMessagesJson.Default.CniAnswer);
        RequireVersion(answer.Version);
        return answer;
    }

    private static T Decode<T>(
        ReadOnlySpan<byte> message, int bytesMax, JsonTypeInfo<T> type)
        where T : class
    {
        if (message.Length > bytesMax)
        {
            throw new CniMessageException($"The message has {message.Length} bytes, and {bytesMax} are allowed.");
        }

        try
        {
            return JsonSerializer.Deserialize(message, type) ?? throw new CniMessageException("The message is null.");
        }
        catch (JsonException malformed)
        {
            throw new CniMessageException($"The message is not of its shape: {malformed.Message}", malformed);
        }
    }

    private static void RequireVersion(int version)
    {
        if (version != Version)
        {
            throw new CniMessageException($"The message is of version {version}, and {Version} is spoken here.");
        }
    }

    private static string Cut(string text) => text.Length <= TextCharactersMax ? text : text[..TextCharactersMax];
}

/// <summary>Reads and writes messages without reflection; what they do not have is an error naming it.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    RespectNullableAnnotations = true,
    AllowDuplicateProperties = false,
    MaxDepth = 8)]
[JsonSerializable(typeof(CniRequest))]
[JsonSerializable(typeof(CniAnswer))]
internal sealed partial class CniMessagesJson : JsonSerializerContext;
