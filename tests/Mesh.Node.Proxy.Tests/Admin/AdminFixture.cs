using System.Net;
using System.Net.Sockets;
using Mesh.Node.Model;
using Mesh.Node.Proxy.Admin;
using Mesh.Node.Proxy.Config;
using Mesh.Node.Proxy.Enforcement.Limits;
using Mesh.Node.Proxy.Explain;
using Mesh.Node.Proxy.Http.Destinations;
using Mesh.Node.Proxy.Identity;
using Mesh.Node.Proxy.Succession;
using Mesh.Node.Proxy.Telemetry;
using Mesh.Node.Proxy.Telemetry.Logging;
using Mesh.Node.Transport.EventLoops;

namespace Mesh.Node.Proxy.Tests.Admin;

/// <summary>A node with loops and an admin server on ports of the system's choice, and sources that a test fills.</summary>
internal sealed class AdminFixture : IAsyncDisposable, IConfigurationReader, ITunnelLister, IPodLister, IDestinationLister
{
    private readonly HttpClientHandler _handler = new() { AutomaticDecompression = DecompressionMethods.None };
    private readonly HttpClient _http;
    private AdminPorts? _ports;

    public AdminFixture()
    {
        Loops = EventLoopGroup.Start(2, new EventLoopOptions());
        Telemetry = new NodeTelemetry(new TelemetryOptions(), new LogOptions(), loops: 2, Log, TimeProvider.System);
        _http = new HttpClient(_handler);
    }

    public event Action<ConfigurationChange>? Changed
    {
        add => throw new NotSupportedException("Pages look; they do not wait for changes.");
        remove => throw new NotSupportedException("Pages look; they do not wait for changes.");
    }

    public EventLoopGroup Loops { get; }

    public NodeTelemetry Telemetry { get; }

    public MemoryStream Log { get; } = new();

    public MeshSnapshot Current { get; set; } = MeshSnapshot.Empty;

    public List<CertificateStatus> Certificates { get; } = [];

    public List<TunnelStatus> Tunnels { get; } = [];

    public List<DestinationStatus> Destinations { get; } = [];

    public DestinationTotals Totals { get; init; } = new();

    public List<PodStatus> Pods { get; } = [];

    public List<Part> Parts { get; } = [];

    public bool AttachesLoops { get; init; } = true;

    public IPortHolder? Holder { get; init; }

    public CancellationToken Cancellation { get; init; }

    public AdminOptions Options { get; init; } = new()
    {
        Address = "127.0.0.1:0",
        Metrics = "127.0.0.1:0",
        Readiness = "127.0.0.1:0",
    };

    public async Task StartAsync()
    {
        if (AttachesLoops)
        {
            Telemetry.AttachLoops(Loops.Loops);
        }

        AdminSources sources = new()
        {
            Telemetry = Telemetry,
            Configuration = this,
            Readiness = Parts,
            Certificates = () => Certificates,
            Tunnels = this,
            Destinations = this,
            RateLimits = new RateLimiters(TimeProvider.System),
            Explainer = new RequestExplainer(this, new DestinationRegistry(), static () => 0),
            Pods = this,
            NodeConfigurationJson = () => """{ "node": { "name": "node-1" } }""",
        };
        NodeMetrics.Register(sources);
        _ports = await AdminPorts.OpenAsync(Options, sources, Holder, Cancellation);
    }

    /// <summary>
    /// Waits until ports can be listened on. One that was closed need not be at once: a process that another test starts holds every
    /// descriptor until its program runs.
    /// </summary>
    public static bool AreFree(AdminOptions options)
    {
        return SpinWait.SpinUntil(() => IsFree(options.Address) && IsFree(options.Metrics) && IsFree(options.Readiness), TimeSpan.FromSeconds(30));

        static bool IsFree(string address)
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                socket.Bind(IPEndPoint.Parse(address));
                socket.Listen();
                return true;
            }
            catch (SocketException)
            {
                return false;
            }
        }
    }

    /// <summary>What is lent to the next process.</summary>
    public IPortLender Ports => _ports!;

    /// <summary>Stops serving, as a process does that gives place to the next.</summary>
    public async Task StopAsync() => await _ports!.DisposeAsync();

    /// <summary>Asks one of the ports.</summary>
    public async Task<(HttpStatusCode Status, string Text)> GetAsync(string port, string path)
    {
        using HttpResponseMessage response = await _http.GetAsync(Uri(port, path));
        return (response.StatusCode, await TextAsync(response));
    }

    public Task<HttpResponseMessage> PostAsync(string port, string path) => _http.PostAsync(Uri(port, path), content: null);

    public Task<HttpResponseMessage> SendAsync(HttpRequestMessage request) => _http.SendAsync(request);

    public static Task<string> TextAsync(HttpResponseMessage response) => response.Content.ReadAsStringAsync();

    public static Task<Stream> BytesAsync(HttpResponseMessage response) => response.Content.ReadAsStreamAsync();

    public Uri Uri(string port, string path) => new($"http://{_ports!.EndPointOf(port)}{path}");

    public async ValueTask DisposeAsync()
    {
        if (_ports is not null)
        {
            await _ports.DisposeAsync();
        }

        _http.Dispose();
        _handler.Dispose();
        Telemetry.Dispose();
        Loops.Dispose();
    }

    IReadOnlyList<TunnelStatus> ITunnelLister.List() => Tunnels;

    IReadOnlyList<PodStatus> IPodLister.List() => Pods;

    IReadOnlyList<DestinationStatus> IDestinationLister.List() => Destinations;

    public sealed class Part(string name, string? pending) : IReadinessPart
    {
        public string Name => name;

        public string? Pending { get; set; } = pending;
    }
}
