using System.CommandLine;
using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using Mesh.Control.Cli.Admin;
using Mesh.Control.Cli.Output;

namespace Mesh.Control.Cli.Commands;

/// <summary>Shows the mesh as one proxy sees it.</summary>
internal static class ConfigCommand
{
    private const string Help = """
        Shows what one proxy has: services, endpoints, workloads, policies, traffic, certificates.

        It asks the proxy's own admin endpoint, so that it is what holds there, whatever the control plane believes.

        Examples:
          meshctl config 127.0.0.1:15000
          meshctl config 127.0.0.1:15000 endpoints
          meshctl config 127.0.0.1:15000 certificates -o json
        """;

    private static readonly string[] s_parts = ["services", "endpoints", "workloads", "policies", "traffic", "certificates"];

    public static Command Create(Terminal terminal)
    {
        var proxy = new Argument<IPEndPoint>("PROXY") { Description = "The proxy's admin endpoint.", CustomParser = AddressOption.Parse };
        var part = new Argument<string>("PART")
        {
            Description = "What of it: services, endpoints, workloads, policies, traffic, certificates.",
            Arity = ArgumentArity.ZeroOrOne,
            DefaultValueFactory = _ => "services",
        };
        part.AcceptOnlyFromAmong(s_parts);
        Option<string> form = Documents.FormOption("table", "yaml", "json");
        var command = new Command("config", Help) { proxy, part, form };
        command.SetAction(async (parsed, cancellation) =>
        {
            string wanted = parsed.GetValue(part)!;
            JsonArray entries = await ReadAsync(parsed.GetValue(proxy)!, wanted, cancellation);
            string shown = parsed.GetValue(form)!;
            if (shown == "table" && ColumnsOf(wanted) is { } columns)
            {
                Documents.WriteTable(
                    terminal,
                    [.. columns.Select(column => column.Heading)],
                    entries.OfType<JsonObject>().Select(entry => (string[])[.. columns.Select(column => column.Read(entry))]));
            }
            else
            {
                // Routes and rules are nested: a table would hide what matters.
                Documents.Write(terminal, shown == "table" ? "yaml" : shown, entries);
            }

            return ExitCode.Fine;
        });
        return command;
    }

    private static async Task<JsonArray> ReadAsync(IPEndPoint proxy, string part, CancellationToken cancellation)
    {
        (string page, string? field) = part switch
        {
            "certificates" => ("/certs", null),
            "endpoints" => ("/clusters?format=json", "endpoints"),
            _ => ("/config_dump", part),
        };
        JsonNode answer = await AdminClient.JsonAsync(proxy, page, "PROXY", cancellation);
        JsonNode? entries = field is null ? answer : answer[field];
        return entries as JsonArray ?? throw new CommandException($"{proxy} does not answer as expected at {page}.");
    }

    private static (string Heading, Func<JsonObject, string> Read)[]? ColumnsOf(string part) => part switch
    {
        "services" =>
        [
            ("NAMESPACE", entry => TextOf(entry["namespace"])),
            ("HOSTNAME", entry => TextOf(entry["hostname"])),
            ("ADDRESSES", entry => string.Join(',', (entry["vips"] as JsonArray ?? []).Select(AddressOf))),
            ("PORTS", entry => TextOf(entry["ports"])),
            ("ENDPOINTS", entry => CountOf(entry["endpoints"])),
        ],
        "endpoints" =>
        [
            ("SERVICE", entry => TextOf(entry["service"])),
            ("PORT", entry => TextOf(entry["port"])),
            ("ADDRESS", entry => TextOf(entry["address"])),
            ("PROTOCOL", entry => TextOf(entry["protocol"])),
            ("HEALTH", entry => TextOf(entry["health"])),
            ("WEIGHT", entry => TextOf(entry["weight"])),
        ],
        "workloads" =>
        [
            ("NAMESPACE", entry => TextOf(entry["namespace"])),
            ("NAME", entry => TextOf(entry["name"])),
            ("ADDRESSES", entry => TextOf(entry["workloadIps"])),
            ("NODE", entry => TextOf(entry["node"])),
            ("PROTOCOL", entry => TextOf(entry["protocol"])),
            ("STATUS", entry => TextOf(entry["status"])),
        ],
        "certificates" =>
        [
            ("IDENTITY", entry => TextOf(entry["identity"])),
            ("STATE", entry => TextOf(entry["state"])),
            ("EXPIRES", entry => TextOf((entry["certChain"] as JsonArray)?.FirstOrDefault()?["expirationTime"])),
            ("SERIAL", entry => TextOf((entry["certChain"] as JsonArray)?.FirstOrDefault()?["serialNumber"])),
        ],
        _ => null,
    };

    /// <summary>Of <c>NETWORK/ADDRESS/LENGTH</c> what says something: most meshes have one network, and most blocks one address.</summary>
    private static string AddressOf(JsonNode? block)
    {
        string text = TextOf(block).TrimStart('/');
        string whole = text.Contains(':', StringComparison.Ordinal) ? "/128" : "/32";
        return text.EndsWith(whole, StringComparison.Ordinal) ? text[..^whole.Length] : text;
    }

    private static string CountOf(JsonNode? node) => node switch
    {
        JsonArray list => list.Count.ToString(CultureInfo.InvariantCulture),
        JsonObject fields => fields.Count.ToString(CultureInfo.InvariantCulture),
        _ => "0",
    };

    private static string TextOf(JsonNode? node) => node switch
    {
        null => string.Empty,
        JsonArray list => string.Join(',', list.Select(TextOf)),
        JsonObject fields => string.Join(',', fields.Select(field => $"{field.Key}:{TextOf(field.Value)}")),
        _ => node.ToString(),
    };
}
