using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Mesh.Node;

/// <summary>Asks a proxy of this node what would become of a request.</summary>
internal static class ExplainCommand
{
    public const string Help = """
          mesh-node explain --from NAMESPACE/POD --to HOST:PORT [options]
                                                   says what would become of a request, and why
              --method METHOD    GET when not given
              --path PATH        path and query, / when not given
              --host HOST        what stands in Host, that of --to when not given
              -H 'NAME: VALUE'   a field, any number of times
              --format json      for programs
              --admin ADDR:PORT  the proxy's admin port, 127.0.0.1:15000 when not given
        """;

    private const string AdminDefault = "127.0.0.1:15000";
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(10);

    /// <summary>Prints the proxy's answer.</summary>
    /// <param name="options">What follows the word "explain".</param>
    public static async Task<int> RunAsync(string[] options)
    {
        if (!TryRead(options, out Uri? page, out string error))
        {
            await Console.Error.WriteLineAsync($"mesh-node explain: {error}\n\n{Help}");
            return CommandLine.Usage;
        }

        using var handler = new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false };
        using var client = new HttpClient(handler) { Timeout = s_limit };
        try
        {
            using HttpResponseMessage answer = await client.GetAsync(page);
            string text = await answer.Content.ReadAsStringAsync();
            if (answer.StatusCode == HttpStatusCode.OK)
            {
                await Console.Out.WriteAsync(text);
                return CommandLine.Success;
            }

            await Console.Error.WriteAsync($"mesh-node explain: {text}");
            return CommandLine.Failure;
        }
        catch (Exception failed) when (failed is HttpRequestException or TaskCanceledException)
        {
            string reason = failed is HttpRequestException { InnerException: SocketException { SocketErrorCode: var code } }
                ? code.ToString()
                : failed.Message;
            await Console.Error.WriteLineAsync(
                $"mesh-node explain: no proxy answers at {page.Authority} ({reason}); its address is admin.address in its configuration.");
            return CommandLine.Failure;
        }
    }

    private static bool TryRead(string[] options, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out Uri? page, out string error)
    {
        page = null;
        string admin = AdminDefault;
        var query = new StringBuilder();
        for (int i = 0; i < options.Length; i += 2)
        {
            string? parameter = options[i] switch
            {
                "--from" => "from",
                "--to" => "to",
                "--method" => "method",
                "--path" => "path",
                "--host" => "host",
                "--header" or "-H" => "header",
                "--format" => "format",
                "--admin" => "",
                _ => null,
            };
            if (parameter is null)
            {
                error = $"'{options[i]}' is not an option.";
                return false;
            }

            if (i + 1 == options.Length)
            {
                error = $"{options[i]} needs a value.";
                return false;
            }

            if (parameter.Length == 0)
            {
                admin = options[i + 1];
            }
            else
            {
                query.Append(query.Length == 0 ? '?' : '&').Append(parameter).Append('=').Append(Uri.EscapeDataString(options[i + 1]));
            }
        }

        error = IPEndPoint.TryParse(admin, out IPEndPoint? endpoint) && endpoint.Port != 0
            ? ""
            : $"--admin: '{admin}' is not an address and port such as {AdminDefault}.";
        page = error.Length == 0 ? new Uri($"http://{endpoint}/explain{query}") : null;
        return page is not null;
    }
}
