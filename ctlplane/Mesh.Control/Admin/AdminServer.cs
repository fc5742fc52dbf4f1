using System.Collections.Immutable;
using System.Net;
using System.Text.Json.Serialization.Metadata;
using Mesh.Control.Analysis;
using Mesh.Control.Configuration;
using Mesh.Control.Hosting;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Serving.Ca;
using Mesh.Control.Serving.Xds;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Mesh.Control.Admin;

/// <summary>
/// Readiness and diagnosis over plain HTTP, for the machine itself: it shows the mesh's structure and takes no credentials, so it belongs
/// on loopback. It changes nothing and shows no secret.
/// </summary>
internal sealed class AdminServer(
    ConfigurationState configuration, ResourceStore store, ProxyRegistry registry, CertificateAuthority authority)
{
    private const int ConnectionCountMax = 64;
    private const string Index = "/healthz/live\n/healthz/ready\n/debug/proxies\n/debug/diagnostics\n/debug/resources\n/debug/trust\n";

    private volatile bool _isServing;

    /// <summary>Called once the serving port accepts connections.</summary>
    public void ReportServing() => _isServing = true;

    public WebApplication Build(IPEndPoint listen, ILoggerFactory loggers)
    {
        WebApplicationBuilder builder = BareApplication.CreateBuilder();
        builder.Services.AddSingleton(loggers);
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxConcurrentConnections = ConnectionCountMax;
            kestrel.Listen(listen, endpoint => endpoint.Protocols = HttpProtocols.Http1);
        });
        WebApplication application = builder.Build();
        application.MapGet("/", () => Results.Text(Index));
        application.MapGet("/healthz/live", () => Results.Text("live\n"));
        application.MapGet("/healthz/ready", Ready);
        application.MapGet("/debug/proxies", () => Json(Proxies(), AdminJson.Default.ProxiesView));
        application.MapGet("/debug/diagnostics", () => Json(Diagnostics(), AdminJson.Default.DiagnosticsView));
        application.MapGet("/debug/resources", () => Json(Resources(), AdminJson.Default.ResourcesView));
        application.MapGet("/debug/trust", () => Json(Trust(), AdminJson.Default.TrustView));
        return application;
    }

    private static IResult Json<T>(T view, JsonTypeInfo<T> type) => Results.Json(view, type);

    private IResult Ready()
    {
        List<string> pending = [];
        if (!_isServing)
        {
            pending.Add("the serving port");
        }

        if (configuration.Current.Model is null)
        {
            pending.Add("the configuration");
            pending.AddRange(configuration.Current.Diagnostics.Select(diagnostic => $"  {diagnostic}"));
        }

        return pending.Count == 0
            ? Results.Text("ready\n")
            : Results.Text($"waiting for\n{string.Join('\n', pending)}\n", statusCode: StatusCodes.Status503ServiceUnavailable);
    }

    private ProxiesView Proxies() => new([.. registry.Statuses.Select(ViewOf)]);

    private ProxyView ViewOf(ProxyStatus status)
    {
        List<ProxyTypeView> types = [.. status.Types.Select(type => new ProxyTypeView(
            type.TypeUrl,
            type.IsWildcard ? "all" : $"{type.SubscribedNames} names",
            store.Find(type.TypeUrl)?.Generation ?? 0,
            type.SentGeneration,
            type.AcknowledgedGeneration,
            type.SentAt,
            type.SentResources,
            type.AcknowledgedAt,
            type.Unanswered,
            type.UnansweredSince,
            type.Rejected))];
        return new ProxyView(
            status.Node,
            status.NodeId,
            status.Address,
            status.ConnectedAt,
            status.TokenId,
            status.IsCurrent,
            types,
            status.UnsupportedTypes);
    }

    /// <summary>
    /// Of what is in force. What is between its objects comes of the newest configuration that was analysed, which may be the one before.
    /// </summary>
    private DiagnosticsView Diagnostics()
    {
        ConfigurationState.View view = configuration.Current;
        ConfigurationState.AnalyzedView? analyzed = configuration.Analyzed;
        bool isAnalyzed = ReferenceEquals(analyzed?.View, view);
        ImmutableArray<Diagnostic> diagnostics = analyzed switch
        {
            null => [.. view.Diagnostics.Select(DiagnosticCodes.Coded)],
            { } when isAnalyzed => analyzed.Findings,
            _ => Analyzer.Merge(view.Objects, view.Diagnostics, analyzed.Analysis),
        };
        return new DiagnosticsView(
            view.LoadedAt,
            diagnostics.Count(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error),
            diagnostics.Count(diagnostic => diagnostic.Severity == DiagnosticSeverity.Warning),
            isAnalyzed,
            [.. diagnostics.Select(ViewOf)]);
    }

    private static DiagnosticView ViewOf(Diagnostic diagnostic) => new(
        diagnostic.Severity,
        diagnostic.Code.Length > 0 ? diagnostic.Code : null,
        diagnostic.Alias.Length > 0 ? diagnostic.Alias : null,
        diagnostic.Origin.File,
        diagnostic.Origin.Line,
        diagnostic.Object?.Kind,
        diagnostic.Object?.Namespace,
        diagnostic.Object?.Name,
        diagnostic.Field,
        diagnostic.Reason,
        diagnostic.Hint);

    private ResourcesView Resources() => new([.. store.Current
        .OrderBy(entry => entry.Key, StringComparer.Ordinal)
        .Select(entry => new ResourceTypeView(entry.Key, entry.Value.Generation, entry.Value.Resources.Count, entry.Value.PublishedAt))]);

    private TrustView Trust()
    {
        AuthorityStatus status = authority.Describe();
        long generation = store.Find(TypeUrls.TrustBundle)?.Generation ?? 0;
        return new TrustView(
            status.TrustDomain.Name,
            status.IsSupplied ? "supplied" : "own",
            status.Issuers,
            status.Roots,
            registry.NodesWithout(TypeUrls.TrustBundle, generation));
    }
}
