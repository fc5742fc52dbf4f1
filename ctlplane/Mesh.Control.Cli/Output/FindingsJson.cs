using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Mesh.Control.Analysis;
using Mesh.Control.Model.Diagnostics;

namespace Mesh.Control.Cli.Output;

/// <summary>Findings for programs: a list, in the order of the text.</summary>
internal static class FindingsJson
{
    public static void Write(TextWriter output, ImmutableArray<Diagnostic> findings) =>
        output.WriteLine(JsonText.Of(new JsonArray([.. findings.Select(ToJson)])));

    private static JsonObject ToJson(Diagnostic finding)
    {
        var json = new JsonObject
        {
            ["code"] = finding.Code,
            ["level"] = SeverityNames.Of(finding.Severity),
        };
        if (finding.Alias.Length > 0)
        {
            json["alias"] = finding.Alias;
        }

        if (finding.Object is { } key)
        {
            json["object"] = new JsonObject
            {
                ["group"] = key.Group,
                ["kind"] = key.Kind,
                ["namespace"] = key.Namespace,
                ["name"] = key.Name,
            };
        }

        json["file"] = finding.Origin.File;
        json["line"] = finding.Origin.Line;
        json["field"] = finding.Field;
        json["message"] = finding.Reason;
        json["hint"] = finding.Hint;
        if (DiagnosticCodes.Find(finding.Code) is { } code)
        {
            json["meaning"] = code.Meaning;
        }

        return json;
    }
}
