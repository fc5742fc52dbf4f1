using System.CommandLine;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Mesh.Control.Cli.Admin;
using Mesh.Control.Cli.Output;

namespace Mesh.Control.Cli.Commands;

/// <summary>Asks proxies what would become of a request.</summary>
internal static class ExplainCommand
{
    private const string Help = """
        Asks the proxies of both ends what would become of a request, and why: which route and destination it takes at the client's, which
        policies judge it at the server's. Nothing is sent to the application.

        Each --proxy names a node's proxy by its admin endpoint. One that does not have the pod says so, and the others' answers count.

        Examples:
          meshctl explain --from shop/web-1 --to cart.shop.svc.cluster.local:80
          meshctl explain --from shop/web-1 --to cart:80 --method POST --path /items -H 'x-user: 7'
          meshctl explain --from shop/web-1 --to cart:80 --proxy 10.0.0.1:15000 --proxy 10.0.0.2:15000

        Ends with 1 when no proxy can tell.
        """;

    public static Command Create(Terminal terminal)
    {
        var from = new Option<string>("--from") { Description = "The client's pod.", HelpName = "NAMESPACE/POD", Required = true };
        var to = new Option<string>("--to") { Description = "What it asks for.", HelpName = "HOST:PORT", Required = true };
        var method = new Option<string>("--method") { Description = "The request's method.", DefaultValueFactory = _ => "GET" };
        var path = new Option<string>("--path") { Description = "Path and query.", DefaultValueFactory = _ => "/" };
        var host = new Option<string?>("--host") { Description = "What stands in Host; that of --to when not given." };
        var headers = new Option<string[]>("--header", "-H")
        {
            Description = "A field of the request; any number.",
            HelpName = "NAME: VALUE",
        };
        Option<IPEndPoint[]> proxies = AddressOption.Proxies();
        Option<string> form = Documents.FormOption("text", "yaml", "json");
        var command = new Command("explain", Help) { from, to, method, path, host, headers, proxies, form };
        command.SetAction(async (parsed, cancellation) =>
        {
            var query = new StringBuilder("/explain");
            Add(query, "from", parsed.GetValue(from)!);
            Add(query, "to", parsed.GetValue(to)!);
            Add(query, "method", parsed.GetValue(method)!);
            Add(query, "path", parsed.GetValue(path)!);
            if (parsed.GetValue(host) is { } named)
            {
                Add(query, "host", named);
            }

            foreach (string header in parsed.GetValue(headers) ?? [])
            {
                Add(query, "header", header);
            }

            bool isText = parsed.GetValue(form) == "text";
            Add(query, "format", isText ? "text" : "json");
            return await AskAsync(terminal, parsed.GetValue(proxies)!, query.ToString(), parsed.GetValue(form)!, cancellation);
        });
        return command;
    }

    private static async Task<int> AskAsync(
        Terminal terminal, IPEndPoint[] proxies, string page, string form, CancellationToken cancellation)
    {
        var answers = new JsonArray();
        int told = 0;
        foreach (IPEndPoint proxy in proxies)
        {
            try
            {
                if (form == "text")
                {
                    string text = await AdminClient.TextAsync(proxy, page, "--proxy", cancellation);
                    await terminal.Output.WriteAsync($"# {proxy}\n{PlainText.Lines(text)}");
                }
                else
                {
                    JsonNode answer = await AdminClient.JsonAsync(proxy, page, "--proxy", cancellation);
                    answers.Add((JsonNode)new JsonObject { ["proxy"] = proxy.ToString(), ["explanation"] = answer });
                }

                told++;
            }
            catch (CommandException refusal)
            {
                await terminal.Errors.WriteLineAsync($"{MeshCtl.Name}: {refusal.Message}");
            }
        }

        if (form != "text")
        {
            Documents.Write(terminal, form, answers);
        }

        return told > 0 ? ExitCode.Fine : ExitCode.Failed;
    }

    private static void Add(StringBuilder query, string name, string value) =>
        query.Append(query.ToString().Contains('?', StringComparison.Ordinal) ? '&' : '?')
            .Append(name).Append('=').Append(Uri.EscapeDataString(value));
}
