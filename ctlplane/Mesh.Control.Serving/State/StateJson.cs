using System.Text.Json;
using System.Text.Json.Serialization;

namespace Mesh.Control.Serving.State;

/// <summary>The JSON of the state directory. Unknown and missing members are errors: a file of a newer version is not guessed at.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UseStringEnumConverter = true,
    WriteIndented = true)]
[JsonSerializable(typeof(JoinTokenList))]
[JsonSerializable(typeof(AuthorityList))]
[JsonSerializable(typeof(RevocationRecords))]
internal sealed partial class StateJson : JsonSerializerContext
{
    public static T Read<T>(string file, ReadOnlySpan<byte> content, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type)
        where T : class
    {
        try
        {
            return JsonSerializer.Deserialize(content, type) ?? throw new StateFormatException(file, "The file is empty.");
        }
        catch (JsonException exception)
        {
            throw new StateFormatException(
                file,
                $"Not valid at line {(exception.LineNumber ?? 0) + 1}, {exception.Path ?? "$"}. Restore the file or remove it.",
                exception);
        }
    }
}

/// <summary>The JSON of the issue log: one object per line.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = false)]
[JsonSerializable(typeof(IssuedRecord))]
internal sealed partial class IssuedJson : JsonSerializerContext;
