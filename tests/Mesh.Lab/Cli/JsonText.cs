using System.Text.Json;

namespace Mesh.Lab.Cli;

internal static class JsonText
{
    public static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.CamelCase };
}
