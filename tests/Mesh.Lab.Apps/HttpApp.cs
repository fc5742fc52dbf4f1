using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Mesh.Lab.Apps;

/// <summary>
/// An HTTP service that calls others: `tcp://` addresses are asked for their first line, `http://` ones for their answer.
/// </summary>
internal static class HttpApp
{
    private static readonly TimeSpan s_callLimit = TimeSpan.FromSeconds(30);

    public static async Task<int> RunAsync(AppOptions options)
    {
        string name = options.Text("name") ?? Dns.GetHostName();
        Uri[] calls = [.. options.Texts("call").Select(url => new Uri(url))];

        // The usual builders watch every folder below where they are started for settings: in a pod, that is the whole file system.
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddRoutingCore();
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.ListenAnyIP(options.Port));
        await using WebApplication app = builder.Build();

        // A connection per call: what a service finds out about its peers is then never out of date.
        using var http = new HttpClient(new SocketsHttpHandler { PooledConnectionLifetime = TimeSpan.Zero }) { Timeout = s_callLimit };
        app.MapGet("/healthz", () => "ok");
        app.MapGet("/{**path}", async (HttpContext context) =>
        {
            string[] answers = await Task.WhenAll(calls.Select(url => CallAsync(http, url)));
            string? caller = context.Connection.RemoteIpAddress?.MapToIPv4IfMapped().ToString();
            var answer = new JsonObject { ["service"] = name, ["caller"] = caller };
            if (answers.Length > 0)
            {
                answer["calls"] = new JsonObject(calls.Zip(answers, (url, text) => KeyValuePair.Create(url.Authority, AsNode(text))));
            }

            bool failed = answers.Any(text => text.StartsWith("failed", StringComparison.Ordinal));
            return Results.Text(answer.ToJsonString() + "\n", "application/json", statusCode: failed ? 502 : 200);
        });
        await app.RunAsync();
        return 0;
    }

    private static async Task<string> CallAsync(HttpClient http, Uri url)
    {
        try
        {
            if (url.Scheme == "tcp")
            {
                return await FirstLineAsync(url);
            }

            using HttpResponseMessage response = await http.GetAsync(url);
            string text = await response.Content.ReadAsStringAsync();
            return response.IsSuccessStatusCode ? text : $"failed: status {(int)response.StatusCode}: {text}";
        }
        catch (Exception exception) when (exception is HttpRequestException or SocketException or IOException or OperationCanceledException)
        {
            return $"failed: {(exception.InnerException ?? exception).Message}";
        }
    }

    private static async Task<string> FirstLineAsync(Uri url)
    {
        using var limit = new CancellationTokenSource(s_callLimit);
        using var client = new TcpClient();
        await client.ConnectAsync(url.Host, url.Port, limit.Token);
        using var reader = new StreamReader(client.GetStream());
        return await reader.ReadLineAsync(limit.Token) ?? "failed: closed without a word";
    }

    private static JsonNode? AsNode(string text)
    {
        try
        {
            return JsonNode.Parse(text);
        }
        catch (JsonException)
        {
            return text;
        }
    }

    private static IPAddress MapToIPv4IfMapped(this IPAddress address) => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
}
