using System.Globalization;
using System.Text.Json.Nodes;
using Mesh.Control.Sources.Kubernetes;

namespace Mesh.Control.Cluster;

/// <summary>
/// Which of several replicas writes to the cluster: the one that holds a Lease and renews it. All of them serve. One that cannot renew
/// stops before another may take over; one that is killed is followed once its lease has stood still for its duration, as this process's
/// own clock sees it. One loop; <see cref="IsLeader"/> from any thread.
/// </summary>
/// <param name="objects">The API server.</param>
/// <param name="namespace">Of the Lease.</param>
/// <param name="identity">This process's, like no other's.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Says who leads.</param>
internal sealed partial class LeaderElection(
    KubernetesObjects objects, string @namespace, string identity, TimeProvider time, ILogger<LeaderElection> logger)
{
    public const string LeaseName = "mesh-control";

    private static readonly TimeSpan s_leaseDuration = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_renewWithin = TimeSpan.FromSeconds(7);
    private static readonly TimeSpan s_retryInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_releaseTimeout = TimeSpan.FromSeconds(2);

    private readonly string _path = KubernetesObjects.PathOf("coordination.k8s.io/v1", "leases", @namespace, LeaseName);
    private long _leadsUntil;
    private bool _wasLeader;
    private string _seen = string.Empty;
    private long _seenAt;
    private string _lastProblem = string.Empty;

    /// <summary>Whether this process may write now.</summary>
    public bool IsLeader => time.GetTimestamp() < Volatile.Read(ref _leadsUntil);

    /// <summary>Stands for election until cancelled, and then gives up the lease, so that another need not wait.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        try
        {
            while (true)
            {
                await AttemptAsync(cancellation);
                await Task.Delay(s_retryInterval, time, cancellation);
            }
        }
        finally
        {
            await ReleaseAsync();
        }
    }

    private async Task AttemptAsync(CancellationToken cancellation)
    {
        long start = time.GetTimestamp();
        try
        {
            if (await TryHoldAsync(start, cancellation))
            {
                Volatile.Write(ref _leadsUntil, start + (long)(s_renewWithin.TotalSeconds * time.TimestampFrequency));
            }

            _lastProblem = string.Empty;
        }
        catch (Exception exception) when (exception is ApiException or HttpRequestException or IOException or InvalidOperationException)
        {
            if (exception.Message != _lastProblem)
            {
                _lastProblem = exception.Message;
                NotRenewed(logger, exception.Message);
            }
        }

        bool isLeader = IsLeader;
        if (isLeader != _wasLeader)
        {
            _wasLeader = isLeader;
            if (isLeader)
            {
                Leads(logger, identity);
            }
            else
            {
                Follows(logger, identity);
            }
        }
    }

    /// <returns>Whether the lease is ours from <paramref name="start"/> on.</returns>
    private async Task<bool> TryHoldAsync(long start, CancellationToken cancellation)
    {
        JsonObject? lease = await objects.FindAsync(_path, cancellation);
        if (lease is null)
        {
            var created = new JsonObject
            {
                ["apiVersion"] = "coordination.k8s.io/v1",
                ["kind"] = "Lease",
                ["metadata"] = new JsonObject { ["name"] = LeaseName, ["namespace"] = @namespace },
                ["spec"] = Held(new JsonObject { ["leaseTransitions"] = 0 }, isNew: true),
            };
            return await objects.CreateAsync(_path[.._path.LastIndexOf('/')], created, cancellation) is not null;
        }

        JsonObject spec = lease["spec"] as JsonObject ?? [];
        string holder = spec["holderIdentity"]?.GetValue<string>() ?? string.Empty;
        bool isOurs = holder == identity;
        if (!isOurs && holder.Length > 0 && !HasStoodStill(lease, spec, start))
        {
            return false;
        }

        lease["spec"] = Held((JsonObject)spec.DeepClone(), isNew: !isOurs);
        return await objects.ReplaceAsync(_path, lease, cancellation) is not null;
    }

    /// <summary>Clocks of others are not looked at: what counts is how long we have seen no change.</summary>
    private bool HasStoodStill(JsonObject lease, JsonObject spec, long now)
    {
        string version = lease["metadata"]!["resourceVersion"]!.GetValue<string>();
        if (version != _seen)
        {
            _seen = version;
            _seenAt = now;
            return false;
        }

        int seconds = spec["leaseDurationSeconds"]?.GetValue<int>() ?? (int)s_leaseDuration.TotalSeconds;
        return time.GetElapsedTime(_seenAt, now) >= TimeSpan.FromSeconds(seconds);
    }

    private JsonObject Held(JsonObject spec, bool isNew)
    {
        string now = time.GetUtcNow().UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture);
        if (isNew)
        {
            bool isFirst = spec["holderIdentity"] is null;
            spec["leaseTransitions"] = (spec["leaseTransitions"]?.GetValue<int>() ?? 0) + (isFirst ? 0 : 1);
            spec["acquireTime"] = now;
        }

        spec["holderIdentity"] = identity;
        spec["leaseDurationSeconds"] = (int)s_leaseDuration.TotalSeconds;
        spec["renewTime"] = now;
        return spec;
    }

    private async Task ReleaseAsync()
    {
        if (!IsLeader)
        {
            return;
        }

        Volatile.Write(ref _leadsUntil, 0);
        using var limit = new CancellationTokenSource(s_releaseTimeout, time);
        try
        {
            if (await objects.FindAsync(_path, limit.Token) is { } lease
                && lease["spec"]?["holderIdentity"]?.GetValue<string>() == identity)
            {
                lease["spec"]!["holderIdentity"] = string.Empty;
                await objects.ReplaceAsync(_path, lease, limit.Token);
            }
        }
        catch (Exception exception) when (exception is ApiException or HttpRequestException or IOException or OperationCanceledException)
        {
            // Then it runs out.
            NotRenewed(logger, exception.Message);
        }
    }

    [LoggerMessage(EventId = 1711, Level = LogLevel.Information, Message = "{Identity} leads: it writes to the cluster.")]
    private static partial void Leads(ILogger logger, string identity);

    [LoggerMessage(EventId = 1712, Level = LogLevel.Information, Message = "{Identity} does not lead any more.")]
    private static partial void Follows(ILogger logger, string identity);

    [LoggerMessage(
        EventId = 1713, Level = LogLevel.Warning, Message = "The lease of the one that writes cannot be read or renewed: {Problem}")]
    private static partial void NotRenewed(ILogger logger, string problem);
}
