using System.Globalization;
using System.Net;
using Mesh.Lab.Networking;

namespace Mesh.Lab;

/// <summary>A node as a test uses it: its addresses, and what its proxy says of itself.</summary>
public sealed class LabNode
{
    private static readonly TimeSpan s_answerLimit = TimeSpan.FromSeconds(30);

    private readonly MeshLab _lab;

    internal LabNode(MeshLab lab, NodeStatus status)
    {
        _lab = lab;
        Name = status.Name;
        Address4 = IPAddress.Parse(status.Address4);
        Address6 = IPAddress.Parse(status.Address6);
    }

    public string Name { get; }

    public IPAddress Address4 { get; }

    public IPAddress Address6 { get; }

    /// <summary>The name of the proxy as a component of the lab.</summary>
    public string Proxy => $"{Name}/proxy";

    /// <summary>The name of the agent as a component of the lab.</summary>
    public string Agent => $"{Name}/agent";

    /// <summary>A page of the proxy's admin port, such as `/config_dump`.</summary>
    public Task<string> AdminAsync(string path) => GetAsync(15000, path);

    /// <summary>Changes something on the proxy's admin port, such as `/logging?level=debug`, and returns what it says to that.</summary>
    /// <exception cref="HttpRequestException">It refused.</exception>
    public async Task<string> ChangeAsync(string path)
    {
        using HttpClient http = NamespaceSockets.Http(_lab.Place(Name), s_answerLimit);
        using HttpResponseMessage response = await http.PostAsync(UriOf(15000, path), content: null);
        return await response.EnsureSuccessStatusCode().Content.ReadAsStringAsync();
    }

    /// <summary>Whether the proxy says that it is ready, and what it says.</summary>
    public async Task<(HttpStatusCode Status, string Text)> ReadinessAsync()
    {
        using HttpClient http = NamespaceSockets.Http(_lab.Place(Name), s_answerLimit);
        using HttpResponseMessage response = await http.GetAsync(UriOf(15021, "/healthz/ready"));
        return (response.StatusCode, await response.Content.ReadAsStringAsync());
    }

    /// <summary>What the proxy counts, as scraped.</summary>
    /// <param name="path">The page, of the two it has.</param>
    public async Task<MetricSamples> MetricsAsync(string path = "/metrics") => MetricSamples.Parse(await GetAsync(15020, path));

    /// <summary>How much the proxy has written so far.</summary>
    public long ProxyLogLengthBytes => _lab.LogLengthBytes($"{Name}.proxy");

    /// <summary>What the proxy wrote about connections that ended.</summary>
    /// <param name="start">Where to begin: an earlier <see cref="ProxyLogLengthBytes"/>.</param>
    public async Task<IReadOnlyList<AccessLogLine>> AccessLogAsync(long start = 0) => AccessLogLine.Parse(await ProxyLogAsync(start));

    /// <inheritdoc cref="AccessLogAsync"/>
    public Task<string> ProxyLogAsync(long start = 0) => _lab.ReadLogAsync($"{Name}.proxy", start);

    public Task<string> AgentLogAsync() => _lab.ReadLogAsync($"{Name}.agent");

    private async Task<string> GetAsync(int port, string path)
    {
        using HttpClient http = NamespaceSockets.Http(_lab.Place(Name), s_answerLimit);
        return await http.GetStringAsync(UriOf(port, path));
    }

    private static Uri UriOf(int port, string path) => new(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}{path}"));
}
