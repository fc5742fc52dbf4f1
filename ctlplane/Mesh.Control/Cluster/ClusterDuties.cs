using Mesh.Control.Commands;
using Mesh.Control.Configuration;
using Mesh.Control.Serving.Authentication;
using Mesh.Control.Serving.Ca;
using Mesh.Control.Serving.State;
using Mesh.Control.Sources.Kubernetes;

namespace Mesh.Control.Cluster;

/// <summary>
/// What a control plane of a cluster does there besides reading: it asks whose tokens are, and with <c>--write</c> shares its state with
/// other replicas, stands for election and, while it leads, writes. The one place where these parts are made and joined.
/// </summary>
internal sealed class ClusterDuties : IDisposable
{
    private readonly ServeOptions _options;
    private readonly KubernetesObjects _objects;
    private readonly TimeProvider _time;
    private readonly ILoggerFactory _loggers;
    private readonly ServiceAccountTokens _tokens;
    private readonly LeaderElection _election;
    private readonly SharedState _shared;

    public ClusterDuties(ServeOptions options, KubernetesApi api, StateDirectory state, TimeProvider time, ILoggerFactory loggers)
    {
        _options = options;
        _objects = new KubernetesObjects(api);
        _time = time;
        _loggers = loggers;
        _tokens = new ServiceAccountTokens(
            new TokenReviews(_objects, options.TokenAudience).AskAsync,
            options.NodeAccounts,
            options.TokenAudience,
            time,
            loggers.CreateLogger<ServiceAccountTokens>());
        _election = new LeaderElection(
            _objects,
            options.OwnNamespace,
            $"{Environment.MachineName}_{Guid.NewGuid():N}",
            time,
            loggers.CreateLogger<LeaderElection>());
        _shared = new SharedState(_objects, options.OwnNamespace, state, time, loggers.CreateLogger<SharedState>());
    }

    public INodeTokens Tokens => _tokens;

    /// <summary>Whether what only one may do is this process's to do.</summary>
    public bool IsLeader => !_options.IsWriting || _election.IsLeader;

    /// <summary>Takes over what replicas have in common, before anything is made of it.</summary>
    /// <exception cref="IOException">The API server does not answer, or does not let us.</exception>
    /// <exception cref="StateFormatException">The Secret holds something else.</exception>
    public Task JoinAsync(CancellationToken cancellation) => _options.IsWriting
        ? _shared.JoinAsync(_options.TrustDomain, _options.SuppliedAuthority is not null, cancellation)
        : Task.CompletedTask;

    /// <summary>What runs, each until cancelled.</summary>
    public IEnumerable<Task> Run(CertificateAuthority authority, ConfigurationState configuration, CancellationToken cancellation)
    {
        if (!_options.IsWriting)
        {
            yield break;
        }

        yield return Task.Run(() => _election.RunAsync(cancellation), cancellation);
        yield return Task.Run(() => _shared.RunAsync(cancellation), cancellation);
        var statuses = new StatusWriter(
            _objects, configuration, () => _election.IsLeader, _time, _loggers.CreateLogger<StatusWriter>());
        yield return Task.Run(() => statuses.RunAsync(cancellation), cancellation);
        if (_options.Webhook is not null)
        {
            var webhook = new WebhookTrust(
                _objects,
                () => authority.Trust.RootCertificatesPem,
                () => _election.IsLeader,
                _time,
                _loggers.CreateLogger<WebhookTrust>());
            yield return Task.Run(() => webhook.RunAsync(cancellation), cancellation);
        }

        if (_options.RootBundle.Length > 0)
        {
            var bundles = new RootBundles(
                _objects,
                _options.RootBundle,
                () => authority.Trust.RootCertificatesPem,
                configuration,
                () => _election.IsLeader,
                _time,
                _loggers.CreateLogger<RootBundles>());
            yield return Task.Run(() => bundles.RunAsync(cancellation), cancellation);
        }
    }

    public void Dispose() => _tokens.Dispose();
}
