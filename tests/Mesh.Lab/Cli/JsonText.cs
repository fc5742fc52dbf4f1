using System.Text.Json;

namespace Mesh.Lab.Cli;

internal static class JsonText
{
    public static readonly JsonSerializerOptions Indented = new(JsonSerializerDefaults.Web) { WriteIndented = true };
}
