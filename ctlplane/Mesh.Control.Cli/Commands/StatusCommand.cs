using System.CommandLine;
using System.Net;
using System.Text.Json.Nodes;
using Mesh.Control.Cli.Admin;
using Mesh.Control.Cli.Output;

namespace Mesh.Control.Cli.Commands;

/// <summary>Shows which proxies are connected, what they have confirmed and what they refuse.</summary>
internal static class StatusCommand
{
    private const string Page = "/debug/proxies";

    private const string Help = """
        Shows every proxy that is connected to the control plane: which generation of what it has confirmed, and what it refuses and why.

        SYNCED: what is in force is confirmed. PENDING: sent and not answered yet. STALE: not sent yet. REFUSED: the proxy says no; what it
        had before holds there.

        Examples:
          meshctl status
          meshctl status --control 127.0.0.1:15014 -o json

        Ends with 1 when a proxy refuses something, or none is connected.
        """;

    public static Command Create(Terminal terminal)
    {
        Option<IPEndPoint> control = AddressOption.ControlPlane();
        Option<string> form = Documents.FormOption("table", "yaml", "json");
        var command = new Command("status", Help) { control, form };
        command.SetAction(async (parsed, cancellation) =>
        {
            JsonNode answer = await AdminClient.JsonAsync(parsed.GetValue(control)!, Page, "--control", cancellation);
            JsonArray proxies = answer["proxies"] as JsonArray
                ?? throw new CommandException($"{parsed.GetValue(control)} does not answer as expected at {Page}.");
            if (parsed.GetValue(form) == "table")
            {
                Write(terminal, proxies);
            }
            else
            {
                Documents.Write(terminal, parsed.GetValue(form)!, answer);
            }

            return proxies.Count > 0 && !proxies.SelectMany(TypesOf).Any(type => type["nacked"] is not null)
                ? ExitCode.Fine
                : ExitCode.Failed;
        });
        return command;
    }

    private static void Write(Terminal terminal, JsonArray proxies)
    {
        if (proxies.Count == 0)
        {
            terminal.Output.WriteLine("No proxy is connected.");
            return;
        }

        Documents.WriteTable(
            terminal,
            ["NODE", "ADDRESS", "TYPE", "STATE", "IN FORCE", "SENT", "CONFIRMED"],
            proxies.SelectMany(proxy => TypesOf(proxy).Select(type => (string[])
                [
                    TextOf(proxy!["node"]),
                    TextOf(proxy["address"]),
                    ShortName(TextOf(type["type"])),
                    StateOf(type),
                    TextOf(type["inForce"]),
                    TextOf(type["sent"]),
                    TextOf(type["acked"]),
                ])));
        foreach (JsonNode? proxy in proxies)
        {
            foreach (JsonObject type in TypesOf(proxy))
            {
                if (type["nacked"] is { } refusal)
                {
                    string names = string.Join(", ", (refusal["resources"] as JsonArray ?? []).Select(TextOf));
                    terminal.Output.WriteLine(PlainText.Line(
                        $"{TextOf(proxy!["node"])} refuses {names} ({ShortName(TextOf(type["type"]))}): {TextOf(refusal["reason"])}"));
                }
            }
        }
    }

    private static IEnumerable<JsonObject> TypesOf(JsonNode? proxy) => (proxy?["types"] as JsonArray ?? []).OfType<JsonObject>();

    private static string StateOf(JsonObject type)
    {
        if (type["nacked"] is not null)
        {
            return "REFUSED";
        }

        bool isConfirmed = TextOf(type["acked"]) == TextOf(type["inForce"]);
        return isConfirmed ? "SYNCED" : TextOf(type["sent"]) == TextOf(type["inForce"]) ? "PENDING" : "STALE";
    }

    private static string ShortName(string typeUrl) => typeUrl[(typeUrl.LastIndexOfAny(['.', '/']) + 1)..];

    private static string TextOf(JsonNode? node) => node?.ToString() ?? string.Empty;
}
