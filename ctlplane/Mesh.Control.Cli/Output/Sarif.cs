using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Mesh.Control.Analysis;
using Mesh.Control.Model.Diagnostics;

namespace Mesh.Control.Cli.Output;

/// <summary>Findings in the format of code scanners (SARIF 2.1.0), so that they appear beside the lines of a change.</summary>
internal static class Sarif
{
    public static void Write(TextWriter output, ImmutableArray<Diagnostic> findings)
    {
        string[] codes =
            [.. findings.Select(finding => finding.Code).Where(code => code.Length > 0).Distinct().Order(StringComparer.Ordinal)];
        output.WriteLine(JsonText.Of(new JsonObject
        {
            ["$schema"] = "https://json.schemastore.org/sarif-2.1.0.json",
            ["version"] = "2.1.0",
            ["runs"] = new JsonArray(new JsonObject
            {
                ["tool"] = new JsonObject
                {
                    ["driver"] = new JsonObject
                    {
                        ["name"] = MeshCtl.Name,
                        ["version"] = typeof(Sarif).Assembly.GetName().Version!.ToString(fieldCount: 3),
                        ["rules"] = new JsonArray([.. codes.Select(ToRule)]),
                    },
                },
                ["results"] = new JsonArray([.. findings.Select(finding => ToResult(finding, codes))]),
            }),
        }));
    }

    private static JsonObject ToRule(string code) => new()
    {
        ["id"] = code,
        ["shortDescription"] = new JsonObject { ["text"] = DiagnosticCodes.Find(code)?.Meaning ?? code },
        ["help"] = new JsonObject { ["text"] = DiagnosticCodes.Find(code)?.Fix ?? string.Empty },
    };

    private static JsonObject ToResult(Diagnostic finding, string[] codes)
    {
        string what = finding.Object is { } key ? $"{key}: " : string.Empty;
        string hint = finding.Hint.Length > 0 ? $" {finding.Hint}" : string.Empty;
        var result = new JsonObject
        {
            ["level"] = finding.Severity switch
            {
                DiagnosticSeverity.Error => "error",
                DiagnosticSeverity.Warning => "warning",
                _ => "note",
            },
            ["message"] = new JsonObject { ["text"] = $"{what}{finding.Reason}{hint}" },
        };
        if (finding.Code.Length > 0)
        {
            result["ruleId"] = finding.Code;
            result["ruleIndex"] = Array.IndexOf(codes, finding.Code);
        }

        if (finding.Origin.File.Length > 0)
        {
            var location = new JsonObject
            {
                ["artifactLocation"] = new JsonObject { ["uri"] = UriOf(finding.Origin.File) },
            };
            if (finding.Origin.Line > 0)
            {
                location["region"] = new JsonObject { ["startLine"] = finding.Origin.Line };
            }

            result["locations"] = new JsonArray(new JsonObject { ["physicalLocation"] = location });
        }

        return result;
    }

    private static string UriOf(string path) => string.Join('/', path.Split('/').Select(Uri.EscapeDataString));
}
