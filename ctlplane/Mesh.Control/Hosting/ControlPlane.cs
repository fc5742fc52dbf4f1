using System.Net;
using System.Net.Sockets;
using Mesh.Control.Admin;
using Mesh.Control.Cluster;
using Mesh.Control.Commands;
using Mesh.Control.Configuration;
using Mesh.Control.Dialects;
using Mesh.Control.Keys;
using Mesh.Control.Serving;
using Mesh.Control.Serving.Authentication;
using Mesh.Control.Serving.Ca;
using Mesh.Control.Serving.State;
using Mesh.Control.Serving.Xds;
using Mesh.Control.Sources;
using Mesh.Control.Sources.Files;
using Mesh.Control.Sources.Kubernetes;
using Mesh.Control.Telemetry;
using OpenTelemetry.Metrics;

namespace Mesh.Control.Hosting;

/// <summary>
/// The running control plane: the one place where its parts are made and joined. Six things run: the configuration pipeline, the
/// analysis of what it gave, the fetching of keys, the authority's maintenance, the following of the token file, and the two servers; in a
/// cluster also its duties there.
/// </summary>
internal sealed partial class ControlPlane : IAsyncDisposable
{
    private static readonly TimeSpan s_tokenPollInterval = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan s_stopTimeout = TimeSpan.FromSeconds(5);

    /// <summary>What proxies are told to expect: ours, and the name ztunnel uses by default.</summary>
    private static readonly string[] s_ownNames = ["mesh-control", "istiod.istio-system.svc", "localhost"];

    private readonly CancellationTokenSource _stopping = new();
    private readonly ILoggerFactory _loggers;
    private readonly ILogger _logger;
    private readonly TimeProvider _time;
    private readonly NodeRateLimits _limits = new();
    private readonly ProxyRegistry _registry = new();
    private readonly ConfigurationState _configuration = new();
    private readonly ResourceStore _store;
    private readonly JoinTokens _tokens;
    private readonly CertificateAuthority _authority;
    private readonly ServerCertificate _certificate;
    private readonly TrustPublisher _trustPublisher;
    private readonly IManifestSource _source;
    private readonly ClusterDuties? _cluster;
    private readonly KeyFetcher _keyFetcher;
    private readonly KeyStore _keys;
    private readonly ConfigurationAnalysis _analysis;
    private readonly ConfigurationPipeline _pipeline;
    private readonly AdminServer _admin;
    private readonly MeterProvider? _metrics;
    private readonly WebApplication _servingApplication;
    private readonly WebApplication _adminApplication;
    private readonly WebApplication? _admissionApplication;
    private Task _running = Task.CompletedTask;

    private ControlPlane(
        ServeOptions options,
        StateDirectory state,
        CertificateAuthority authority,
        IManifestSource source,
        ClusterDuties? cluster,
        TimeProvider time,
        ILoggerFactory loggers)
    {
        _loggers = loggers;
        _logger = loggers.CreateLogger<ControlPlane>();
        _time = time;
        _authority = authority;
        _store = new ResourceStore(time);
        _tokens = new JoinTokens(state);
        _tokens.Reload();
        _certificate = new ServerCertificate(authority, DnsNames(options), Addresses(options), time);
        _trustPublisher = new TrustPublisher(_store, options.TrustDomain);
        _source = source;
        _cluster = cluster;
        _keyFetcher = new KeyFetcher(KeyAddresses.IsRefused, time);
        _keys = new KeyStore(_keyFetcher, time, loggers.CreateLogger<KeyStore>());
        var translation = new TranslationOptions
        {
            Cluster = options.Cluster,
            ClusterDomain = options.ClusterDomain,
            TrustDomain = options.TrustDomain,
            RootNamespace = options.RootNamespace,
            ExcludedNamespaces = options.ExcludedNamespaces,
            AwaitsCapture = options.AwaitsCapture,
            Network = options.Network,
        };
        _analysis = new ConfigurationAnalysis(
            translation,
            knowsGateways: options.Kubernetes is null,
            _configuration,
            time,
            loggers.CreateLogger<ConfigurationAnalysis>());
        _pipeline = new ConfigurationPipeline(
            source,
            new MeshTranslator(translation),
            new ModelPublisher(_store, options.Cluster, options.TrustDomain, _keys),
            _keys,
            _configuration,
            _analysis,
            time,
            loggers.CreateLogger<ConfigurationPipeline>());
        _keys.Changed += _pipeline.PublishKeys;
        _admin = new AdminServer(_configuration, _store, _registry, authority);
        ServingMetrics.CountBehind = () => _registry.CountBehind(_time.GetUtcNow());
        _metrics = MetricsExport.Start(options.OtlpEndpoint);
        _servingApplication = ServingServer.Build(
            options.Listen, _certificate, _tokens, _cluster?.Tokens, _limits, authority, _configuration, _store, _registry, time, loggers);
        _adminApplication = _admin.Build(options.Admin, loggers);
        _admissionApplication = options.Webhook is { } webhook ? AdmissionServer.Build(webhook, _certificate, _analysis, loggers) : null;
    }

    /// <summary>Where proxies connect.</summary>
    public IPEndPoint ServingEndPoint => ServingServer.EndPointOf(_servingApplication);

    /// <summary>Where the API server asks; only where there is such a port.</summary>
    public IPEndPoint WebhookEndPoint => ServingServer.EndPointOf(_admissionApplication!);

    /// <summary>Where to ask how it is.</summary>
    public IPEndPoint AdminEndPoint => ServingServer.EndPointOf(_adminApplication);

    /// <summary>Opens the state directory and both ports, and begins to work.</summary>
    /// <exception cref="StateFormatException">The state directory or a supplied file is broken.</exception>
    /// <exception cref="IOException">A port is taken, or the state directory cannot be written.</exception>
    public static async Task<ControlPlane> StartAsync(ServeOptions options, TimeProvider time, CancellationToken cancellation)
    {
        ILoggerFactory loggers = CreateLoggers(options);
        var state = new StateDirectory(options.StateDirectory, time);
        KubernetesApi? api = OpenApi(options);
        ClusterDuties? cluster = api is null ? null : new ClusterDuties(options, api, state, time, loggers);
        if (cluster is not null)
        {
            await cluster.JoinAsync(cancellation);
        }

        CertificateAuthority authority = await CertificateAuthority.OpenAsync(
            new CertificateAuthorityOptions
            {
                TrustDomain = options.TrustDomain,
                WorkloadLifetime = options.WorkloadLifetime,
                IsShared = options.IsWriting,
                Supplied = options.SuppliedAuthority,
            },
            state,
            time,
            loggers.CreateLogger<CertificateAuthority>(),
            cancellation);
        var controlPlane = new ControlPlane(options, state, authority, OpenSource(options, api, time, loggers), cluster, time, loggers);
        try
        {
            await controlPlane.BeginAsync(options, cancellation);
            return controlPlane;
        }
        catch
        {
            await controlPlane.DisposeAsync();
            throw;
        }
    }

    /// <summary>Runs until cancelled, or until a part fails: a control plane that lost one must be restarted, not limp.</summary>
    public Task WaitAsync(CancellationToken cancellation) => _running.WaitAsync(cancellation);

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        using var deadline = new CancellationTokenSource(s_stopTimeout, _time);
        await _servingApplication.StopAsync(deadline.Token);
        await _adminApplication.StopAsync(deadline.Token);
        await (_admissionApplication?.StopAsync(deadline.Token) ?? Task.CompletedTask);
        await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _servingApplication.DisposeAsync();
        await _adminApplication.DisposeAsync();
        await (_admissionApplication?.DisposeAsync() ?? ValueTask.CompletedTask);
        _metrics?.Dispose();
        _source.Dispose();
        _cluster?.Dispose();
        _keyFetcher.Dispose();
        _certificate.Dispose();
        _authority.Dispose();
        _limits.Dispose();
        _stopping.Dispose();
        _loggers.Dispose();
    }

    private async Task BeginAsync(ServeOptions options, CancellationToken cancellation)
    {
        _authority.TrustChanged += () => _trustPublisher.Publish(_authority.Trust);
        _trustPublisher.Publish(_authority.Trust);
        await StartAsync(_adminApplication, "--admin", options.Admin, cancellation);
        await StartAsync(_servingApplication, "--listen", options.Listen, cancellation);
        if (_admissionApplication is not null)
        {
            await StartAsync(_admissionApplication, "--webhook", options.Webhook!, cancellation);
        }

        _admin.ReportServing();
        Serving(_logger, ServingEndPoint, AdminEndPoint, _tokens.ActiveCount);
        _running = RunAsync();
    }

    private static async Task StartAsync(WebApplication application, string option, IPEndPoint at, CancellationToken cancellation)
    {
        try
        {
            await application.StartAsync(cancellation);
        }
        catch (SocketException refused)
        {
            // An address of another machine, or a port that is not for this user.
            throw new IOException($"{option} {at} cannot be opened: {refused.Message}", refused);
        }
    }

    private async Task RunAsync()
    {
        Task[] parts =
        [
            Task.Run(() => _pipeline.RunAsync(_stopping.Token)),
            Task.Run(() => _analysis.RunAsync(_stopping.Token)),
            Task.Run(() => _keys.RunAsync(_stopping.Token)),
            Task.Run(() => _authority.MaintainAsync(IsTrustKnown, () => _cluster?.IsLeader != false, _stopping.Token)),
            Task.Run(FollowTokensAsync),
            .. _cluster?.Run(_authority, _configuration, _stopping.Token) ?? [],
        ];
        Task ended = await Task.WhenAny(parts);
        await ended;
    }

    private bool IsTrustKnown() =>
        _store.Find(TypeUrls.TrustBundle) is { } snapshot && _registry.NodesWithout(TypeUrls.TrustBundle, snapshot.Generation).IsEmpty;

    private async Task FollowTokensAsync()
    {
        using var timer = new PeriodicTimer(s_tokenPollInterval, _time);
        string lastProblem = string.Empty;
        while (await timer.WaitForNextTickAsync(_stopping.Token))
        {
            try
            {
                _tokens.Reload();
                lastProblem = string.Empty;
            }
            catch (Exception exception) when (exception is StateFormatException or IOException or UnauthorizedAccessException)
            {
                if (exception.Message != lastProblem)
                {
                    lastProblem = exception.Message;
                    TokensUnreadable(_logger, exception.Message);
                }
            }
        }
    }

    private static KubernetesApi? OpenApi(ServeOptions options) => options.Kubernetes switch
    {
        null => null,
        { ConfigurationFile: { } file } kubernetes => KubernetesApi.OpenConfiguration(file, kubernetes.Context),
        _ => KubernetesApi.OpenInCluster(),
    };

    private static IManifestSource OpenSource(ServeOptions options, KubernetesApi? api, TimeProvider time, ILoggerFactory loggers)
    {
        if (api is null)
        {
            return new ManifestWatcher(
                new ManifestWatchOptions
                {
                    Directory = Path.GetFullPath(options.ConfigDirectory!),
                    IsRecursive = options.IsRecursive,
                    AllowsEmpty = options.AllowsEmpty,
                },
                time);
        }

        return new KubernetesSource(
            api, new KubernetesSourceOptions { RootNamespace = options.RootNamespace }, time, loggers.CreateLogger<KubernetesSource>());
    }

    private static List<string> DnsNames(ServeOptions options) =>
        [.. s_ownNames.Concat(options.ServerNames.Where(name => !IPAddress.TryParse(name, out _))).Distinct()];

    private static List<IPAddress> Addresses(ServeOptions options)
    {
        List<IPAddress> addresses = [IPAddress.Loopback, IPAddress.IPv6Loopback];
        if (!options.Listen.Address.Equals(IPAddress.Any) && !options.Listen.Address.Equals(IPAddress.IPv6Any))
        {
            addresses.Add(options.Listen.Address);
        }

        addresses.AddRange(options.ServerNames.Where(name => IPAddress.TryParse(name, out _)).Select(IPAddress.Parse));
        return [.. addresses.Distinct()];
    }

    private static ILoggerFactory CreateLoggers(ServeOptions options) => LoggerFactory.Create(logging =>
    {
        logging.SetMinimumLevel(options.LogLevel);

        // The framework's own chatter about every request is not news to an operator.
        logging.AddFilter("Microsoft", LogLevel.Warning);

        // What it says when a port is taken, with a page of stack, is said by the command line in one line.
        logging.AddFilter("Microsoft.Extensions.Hosting", LogLevel.None);
        logging.AddFilter("Grpc", LogLevel.Warning);
        if (options.IsJsonLog)
        {
            logging.AddJsonConsole();
        }
        else
        {
            logging.AddSimpleConsole(console =>
            {
                console.SingleLine = true;
                console.TimestampFormat = "yyyy-MM-dd'T'HH:mm:ss.fff'Z' ";
                console.UseUtcTimestamp = true;
                console.ColorBehavior = Microsoft.Extensions.Logging.Console.LoggerColorBehavior.Disabled;
            });
        }
    });

    [LoggerMessage(
        EventId = 1401,
        Level = LogLevel.Information,
        Message = "Serving proxies on {Serving}, admin on {Admin}; {Tokens} nodes have a join token.")]
    private static partial void Serving(ILogger logger, IPEndPoint serving, IPEndPoint admin, int tokens);

    [LoggerMessage(EventId = 1402, Level = LogLevel.Error, Message = "{Problem} The tokens known before stay in force.")]
    private static partial void TokensUnreadable(ILogger logger, string problem);
}
