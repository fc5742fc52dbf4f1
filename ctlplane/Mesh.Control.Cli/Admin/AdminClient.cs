using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Mesh.Control.Cli.Output;

namespace Mesh.Control.Cli.Admin;

/// <summary>Asks admin endpoints: of the control plane, and of proxies.</summary>
internal static class AdminClient
{
    public const string ControlPlaneDefault = "127.0.0.1:15014";
    public const string ProxyDefault = "127.0.0.1:15000";

    /// <summary>What a large node's proxy has to say is tens of megabytes.</summary>
    private const int AnswerBytesMax = 512 * 1_024 * 1_024;

    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(30);

    /// <summary>The text of a page.</summary>
    /// <param name="address">Address and port.</param>
    /// <param name="page">Path and query.</param>
    /// <param name="option">What the user would set to ask elsewhere.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="CommandException">Nobody answers, or with a refusal.</exception>
    public static async Task<string> TextAsync(IPEndPoint address, string page, string option, CancellationToken cancellation)
    {
        using var handler = new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false };
        using var client = new HttpClient(handler) { Timeout = s_limit, MaxResponseContentBufferSize = AnswerBytesMax };
        try
        {
            using HttpResponseMessage answer = await client.GetAsync(new Uri($"http://{address}{page}"), cancellation);
            string text = Encoding.UTF8.GetString(await answer.Content.ReadAsByteArrayAsync(cancellation));
            return answer.StatusCode == HttpStatusCode.OK
                ? text
                : throw new CommandException($"{address} answers {(int)answer.StatusCode}: {PlainText.Lines(text.Trim())}");
        }
        catch (Exception failed) when (failed is HttpRequestException or TaskCanceledException && !cancellation.IsCancellationRequested)
        {
            string reason = failed is HttpRequestException { InnerException: SocketException { SocketErrorCode: SocketError code } }
                ? code.ToString()
                : failed.Message;
            throw new CommandException($"Nobody answers at {address} ({reason}); {option} names another address.");
        }
    }

    /// <summary>The JSON of a page.</summary>
    /// <exception cref="CommandException">Nobody answers, with a refusal, or with something else.</exception>
    public static async Task<JsonNode> JsonAsync(IPEndPoint address, string page, string option, CancellationToken cancellation)
    {
        string text = await TextAsync(address, page, option, cancellation);
        try
        {
            return JsonNode.Parse(text) ?? throw new CommandException($"{address} does not answer as expected at {page}.");
        }
        catch (JsonException)
        {
            throw new CommandException($"{address} does not answer as expected at {page}: it is something else, or of another version.");
        }
    }
}
