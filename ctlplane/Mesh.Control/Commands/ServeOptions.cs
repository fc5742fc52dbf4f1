using System.Net;
using Mesh.Api.Identity;
using Mesh.Control.Serving.Ca;

namespace Mesh.Control.Commands;

/// <summary>Everything <c>mesh-control</c> can be told when it serves. Each property is one option of the command line.</summary>
internal sealed record ServeOptions
{
    private static readonly TimeSpan s_lifetimeMin = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_lifetimeMax = TimeSpan.FromDays(90);

    /// <summary>--config: the directory of manifests; null where <see cref="Kubernetes"/> is the source.</summary>
    public string? ConfigDirectory { get; init; }

    /// <summary>--kubernetes, --kubeconfig, --context: the API server whose objects are the configuration.</summary>
    public KubernetesOptions? Kubernetes { get; init; }

    /// <summary>--node-account, any number: service accounts whose pods are proxies, <c>NAMESPACE/NAME</c>.</summary>
    public IReadOnlyList<string> NodeAccounts { get; init; } = ["mesh-node/mesh-node-proxy"];

    /// <summary>--token-audience: whom the tokens of service accounts must be for.</summary>
    public string TokenAudience { get; init; } = "istio-ca";

    /// <summary>--write: whether this is one of several replicas that share their state, of which one writes to the cluster.</summary>
    public bool IsWriting { get; init; }

    /// <summary>--own-namespace: where the replicas' Lease and Secret are.</summary>
    public string OwnNamespace { get; init; } = "mesh-node";

    /// <summary>--root-bundle: ConfigMap of every namespace that the roots are put into; empty for none.</summary>
    public string RootBundle { get; init; } = "mesh-node-root-cert";

    /// <summary>--webhook: where the API server asks whether objects may be written; nowhere by default.</summary>
    public IPEndPoint? Webhook { get; init; }

    /// <summary>--state: keys, tokens, revocations.</summary>
    public required string StateDirectory { get; init; }

    /// <summary>--listen: where proxies connect. Default [::]:15012.</summary>
    public IPEndPoint Listen { get; init; } = new(IPAddress.IPv6Any, 15_012);

    /// <summary>--admin: readiness and diagnosis; without protection of its own, hence loopback. Default 127.0.0.1:15014.</summary>
    public IPEndPoint Admin { get; init; } = new(IPAddress.Loopback, 15_014);

    /// <summary>--trust-domain.</summary>
    public TrustDomain TrustDomain { get; init; } = TrustDomain.Default;

    /// <summary>--cluster: first part of every workload's uid.</summary>
    public string Cluster { get; init; } = "Kubernetes";

    /// <summary>--cluster-domain: suffix of service host names.</summary>
    public string ClusterDomain { get; init; } = "cluster.local";

    /// <summary>--network: the network workloads are on unless they say otherwise.</summary>
    public string Network { get; init; } = string.Empty;

    /// <summary>--root-namespace: whose policies hold for the whole mesh.</summary>
    public string RootNamespace { get; init; } = "istio-system";

    /// <summary>--excluded-namespace, any number: whose pods are never captured, as every agent is told too.</summary>
    public IReadOnlyList<string> ExcludedNamespaces { get; init; } = [];

    /// <summary>--await-capture: whether a pod is reached by HBONE only once the agent of its node says that its capture stands.</summary>
    public bool AwaitsCapture { get; init; }

    /// <summary>--recursive: whether directories below --config count.</summary>
    public bool IsRecursive { get; init; } = true;

    /// <summary>--allow-empty: whether a --config without any object is a mesh without anything, and not a mistake.</summary>
    public bool AllowsEmpty { get; init; }

    /// <summary>--svid-ttl: longest life of a workload's certificate.</summary>
    public TimeSpan WorkloadLifetime { get; init; } = TimeSpan.FromHours(24);

    /// <summary>--server-name, any number: further names in the certificate served.</summary>
    public IReadOnlyList<string> ServerNames { get; init; } = [];

    /// <summary>--ca-cert, --ca-key, --ca-roots.</summary>
    public SuppliedAuthorityOptions? SuppliedAuthority { get; init; }

    /// <summary>--otlp-endpoint: where metrics go; nowhere by default.</summary>
    public Uri? OtlpEndpoint { get; init; }

    /// <summary>--log-level.</summary>
    public LogLevel LogLevel { get; init; } = LogLevel.Information;

    /// <summary>--log-format json.</summary>
    public bool IsJsonLog { get; init; }

    public static (ServeOptions? Options, IReadOnlyList<string> Problems) Read(Arguments arguments)
    {
        var defaults = new ServeOptions { StateDirectory = string.Empty };
        var options = new ServeOptions
        {
            ConfigDirectory = arguments.Take("--config"),
            Kubernetes = ReadKubernetes(arguments),
            NodeAccounts = arguments.TakeMany("--node-account") is { Count: > 0 } accounts ? accounts : defaults.NodeAccounts,
            IsWriting = arguments.TakeBoolean("--write") ?? defaults.IsWriting,
            OwnNamespace = arguments.Take("--own-namespace") ?? defaults.OwnNamespace,
            Webhook = arguments.TakeEndPoint("--webhook"),
            RootBundle = arguments.Take("--root-bundle") ?? defaults.RootBundle,
            TokenAudience = arguments.Take("--token-audience") ?? defaults.TokenAudience,
            StateDirectory = arguments.TakeRequired("--state"),
            Listen = arguments.TakeEndPoint("--listen") ?? defaults.Listen,
            Admin = arguments.TakeEndPoint("--admin") ?? defaults.Admin,
            TrustDomain = ReadTrustDomain(arguments),
            Cluster = arguments.Take("--cluster") ?? defaults.Cluster,
            ClusterDomain = arguments.Take("--cluster-domain") ?? defaults.ClusterDomain,
            Network = arguments.Take("--network") ?? defaults.Network,
            RootNamespace = arguments.Take("--root-namespace") ?? defaults.RootNamespace,
            ExcludedNamespaces = arguments.TakeMany("--excluded-namespace"),
            AwaitsCapture = arguments.TakeBoolean("--await-capture") ?? defaults.AwaitsCapture,
            IsRecursive = arguments.TakeBoolean("--recursive") ?? defaults.IsRecursive,
            AllowsEmpty = arguments.TakeBoolean("--allow-empty") ?? defaults.AllowsEmpty,
            WorkloadLifetime = arguments.TakeDuration("--svid-ttl", s_lifetimeMin, s_lifetimeMax) ?? defaults.WorkloadLifetime,
            ServerNames = arguments.TakeMany("--server-name"),
            SuppliedAuthority = ReadSuppliedAuthority(arguments),
            OtlpEndpoint = ReadOtlpEndpoint(arguments),
            LogLevel = ReadLogLevel(arguments),
            IsJsonLog = ReadLogFormat(arguments),
        };
        if (string.IsNullOrEmpty(options.ConfigDirectory) == (options.Kubernetes is null))
        {
            arguments.AddProblem("One of --config and --kubernetes is required.");
        }

        foreach (string account in options.NodeAccounts.Where(account => !IsAccount(account)))
        {
            arguments.AddProblem($"--node-account: '{account}' is not NAMESPACE/NAME of a service account.");
        }

        foreach (string name in options.ServerNames.Where(name => !IsServerName(name)))
        {
            arguments.AddProblem($"--server-name: '{name}' is neither a DNS name nor an IP address.");
        }

        foreach ((string option, string name) in
            new[] { ("--root-namespace", options.RootNamespace), ("--own-namespace", options.OwnNamespace) })
        {
            if (!Model.Inputs.ManifestNames.IsLabel(name))
            {
                arguments.AddProblem($"{option}: '{name}' is not a namespace.");
            }
        }

        if (options.RootBundle.Length > 0 && !Model.Inputs.ManifestNames.IsSubdomain(options.RootBundle))
        {
            arguments.AddProblem($"--root-bundle: '{options.RootBundle}' is not the name of a ConfigMap.");
        }

        if (options.IsWriting && options.Kubernetes is null)
        {
            arguments.AddProblem("--write belongs to --kubernetes.");
        }

        foreach (string name in options.ExcludedNamespaces.Where(name => !Model.Inputs.ManifestNames.IsLabel(name)))
        {
            arguments.AddProblem($"--excluded-namespace: '{name}' is not a namespace.");
        }

        if (!Model.Inputs.ManifestNames.IsSubdomain(options.ClusterDomain))
        {
            arguments.AddProblem($"--cluster-domain: '{options.ClusterDomain}' is not a DNS name.");
        }

        if (options.Cluster.Length == 0 || options.Cluster.Contains('/', StringComparison.Ordinal))
        {
            arguments.AddProblem($"--cluster: '{options.Cluster}' cannot be part of a resource name.");
        }

        IReadOnlyList<string> problems = arguments.Problems;
        return problems.Count == 0 ? (options, problems) : (null, problems);
    }

    private static KubernetesOptions? ReadKubernetes(Arguments arguments)
    {
        bool isAsked = arguments.TakeFlag("--kubernetes");
        string? kubeconfig = arguments.Take("--kubeconfig");
        string? context = arguments.Take("--context");
        if (!isAsked && (kubeconfig is not null || context is not null))
        {
            arguments.AddProblem("--kubeconfig and --context belong to --kubernetes.");
        }
        else if (kubeconfig is null && context is not null)
        {
            arguments.AddProblem("--context is one of a --kubeconfig.");
        }

        return isAsked ? new KubernetesOptions(kubeconfig, context) : null;
    }

    private static bool IsAccount(string text) => text.Split('/') is [var @namespace, var name]
        && Model.Inputs.ManifestNames.IsLabel(@namespace)
        && Model.Inputs.ManifestNames.IsSubdomain(name);

    private static bool IsServerName(string name) =>
        IPAddress.TryParse(name, out _) || Model.Inputs.ManifestNames.IsSubdomain(name);

    private static TrustDomain ReadTrustDomain(Arguments arguments)
    {
        if (arguments.Take("--trust-domain") is not { } text)
        {
            return TrustDomain.Default;
        }

        if (TrustDomain.TryParse(text, out TrustDomain? trustDomain))
        {
            return trustDomain;
        }

        arguments.AddProblem($"--trust-domain: '{text}' is not a trust domain: lower-case letters, digits, dots, dashes and underscores.");
        return TrustDomain.Default;
    }

    private static SuppliedAuthorityOptions? ReadSuppliedAuthority(Arguments arguments)
    {
        string? certificate = arguments.Take("--ca-cert");
        string? key = arguments.Take("--ca-key");
        string? roots = arguments.Take("--ca-roots");
        if (certificate is not null && key is not null && roots is not null)
        {
            return new SuppliedAuthorityOptions(certificate, key, roots);
        }

        if (certificate is not null || key is not null || roots is not null)
        {
            arguments.AddProblem("--ca-cert, --ca-key and --ca-roots belong together.");
        }

        return null;
    }

    private static Uri? ReadOtlpEndpoint(Arguments arguments)
    {
        // The variable is the one every OpenTelemetry program reads.
        string? text = arguments.Take("--otlp-endpoint") ?? Environment.GetEnvironmentVariable("OTEL_EXPORTER_OTLP_ENDPOINT");
        if (string.IsNullOrEmpty(text))
        {
            return null;
        }

        if (Uri.TryCreate(text, UriKind.Absolute, out Uri? uri) && uri.Scheme is "http" or "https")
        {
            return uri;
        }

        arguments.AddProblem($"--otlp-endpoint: '{text}' is not an http or https URL.");
        return null;
    }

    private static LogLevel ReadLogLevel(Arguments arguments)
    {
        switch (arguments.Take("--log-level"))
        {
            case null or "info":
                return LogLevel.Information;
            case "debug":
                return LogLevel.Debug;
            case "warn":
                return LogLevel.Warning;
            case "error":
                return LogLevel.Error;
            case { } text:
                arguments.AddProblem($"--log-level: '{text}' is none of debug, info, warn, error.");
                return LogLevel.Information;
        }
    }

    private static bool ReadLogFormat(Arguments arguments)
    {
        switch (arguments.Take("--log-format"))
        {
            case null or "text":
                return false;
            case "json":
                return true;
            case { } text:
                arguments.AddProblem($"--log-format: '{text}' is neither text nor json.");
                return false;
        }
    }
}

/// <param name="ConfigurationFile">--kubeconfig; null for what the kubelet gives to a pod.</param>
/// <param name="Context">--context; null for the current one.</param>
internal sealed record KubernetesOptions(string? ConfigurationFile, string? Context);
