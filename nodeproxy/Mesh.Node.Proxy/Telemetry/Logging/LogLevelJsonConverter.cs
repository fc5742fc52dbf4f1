using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Extensions.Logging;

namespace Mesh.Node.Proxy.Telemetry.Logging;

/// <summary>Reads a level in the words that the admin page takes, istio's or .NET's.</summary>
public sealed class LogLevelJsonConverter : JsonConverter<LogLevel>
{
    /// <inheritdoc />
    /// <exception cref="JsonException">The value is no level.</exception>
    public override LogLevel Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.String && LogLevelSwitch.TryParse(reader.GetString(), out LogLevel level)
            ? level
            : throw new JsonException("A level is one of trace, debug, info, warn, error, off.");

    /// <inheritdoc />
    public override void Write(Utf8JsonWriter writer, LogLevel value, JsonSerializerOptions options)
    {
        ArgumentNullException.ThrowIfNull(writer);
        writer.WriteStringValue(LogLevelSwitch.Word(value));
    }
}
