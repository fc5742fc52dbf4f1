using System.Text.Json.Nodes;
using Mesh.Api.Identity;
using Mesh.Control.Serving.Ca;
using Mesh.Control.Serving.State;
using Mesh.Control.Sources.Kubernetes;

namespace Mesh.Control.Cluster;

/// <summary>
/// Keeps what replicas have in common in a Secret: who comes first puts a root there, everybody else takes it, and what is changed at one,
/// by the command line say, is changed at all within seconds. The state directory of each is a copy, with which it goes on while the API
/// server is away. One loop.
/// </summary>
/// <param name="objects">The API server.</param>
/// <param name="namespace">Of the Secret.</param>
/// <param name="state">The copy.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Says what changed.</param>
internal sealed partial class SharedState(
    KubernetesObjects objects, string @namespace, StateDirectory state, TimeProvider time, ILogger<SharedState> logger)
{
    public const string SecretName = "mesh-control-state";

    private const int JoinAttemptsMax = 10;
    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(1);

    private readonly string _path = KubernetesObjects.PathOf("v1", "secrets", @namespace, SecretName);
    private readonly SharedFiles _files = new(state);
    private Dictionary<string, byte[]> _common = new(StringComparer.Ordinal);
    private string _lastProblem = string.Empty;

    /// <summary>Takes the state that is there; makes one, with a root, where there is none.</summary>
    /// <exception cref="IOException">The API server does not answer, or does not let us.</exception>
    /// <exception cref="StateFormatException">The Secret holds something else.</exception>
    public async Task JoinAsync(TrustDomain trustDomain, bool isSupplied, CancellationToken cancellation)
    {
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                await TakeOrMakeAsync(trustDomain, isSupplied, cancellation);
                return;
            }
            catch (Exception exception) when (exception is ApiException or HttpRequestException && attempt < JoinAttemptsMax)
            {
                NotShared(logger, SecretName, exception.Message);
                await Task.Delay(s_interval, time, cancellation);
            }
            catch (Exception exception) when (exception is ApiException or HttpRequestException)
            {
                throw new IOException($"The Secret {@namespace}/{SecretName} cannot be read or made: {exception.Message}", exception);
            }
        }
    }

    /// <summary>Follows both until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        using var timer = new PeriodicTimer(s_interval, time);
        while (await timer.WaitForNextTickAsync(cancellation))
        {
            try
            {
                await SynchronizeAsync(cancellation);
                _lastProblem = string.Empty;
            }
            catch (Exception exception) when (exception
                is ApiException or HttpRequestException or IOException or StateFormatException or UnauthorizedAccessException)
            {
                if (exception.Message != _lastProblem)
                {
                    _lastProblem = exception.Message;
                    NotShared(logger, SecretName, exception.Message);
                }
            }
        }
    }

    private async Task TakeOrMakeAsync(TrustDomain trustDomain, bool isSupplied, CancellationToken cancellation)
    {
        JsonObject? secret = await objects.FindAsync(_path, cancellation);
        if (secret is null)
        {
            if (!isSupplied)
            {
                await OwnAuthorities.EnsureFirstAsync(state, trustDomain, time.GetUtcNow(), cancellation);
            }

            Dictionary<string, byte[]> own = await ReadAsync(cancellation);
            if (await CreateAsync(own, cancellation))
            {
                _common = own;
                Made(logger, @namespace, SecretName);
                return;
            }

            // Another replica was quicker.
            secret = await objects.FindAsync(_path, cancellation)
                ?? throw new HttpRequestException("The Secret is there and is not.");
        }

        Dictionary<string, byte[]> shared = DataOf(secret);
        using IDisposable held = await state.LockAsync(cancellation);
        _files.Write(shared);
        _common = shared;
    }

    private async Task SynchronizeAsync(CancellationToken cancellation)
    {
        Dictionary<string, byte[]> ours = await ReadAsync(cancellation);
        JsonObject? secret = await objects.FindAsync(_path, cancellation);
        if (secret is null)
        {
            Missing(logger, @namespace, SecretName);
            await CreateAsync(ours, cancellation);
            return;
        }

        Dictionary<string, byte[]> theirs = DataOf(secret);
        if (SharedFiles.AreSame(ours, theirs))
        {
            _common = theirs;
            return;
        }

        Dictionary<string, byte[]> merged = _files.Merge(_common, ours, theirs, out IReadOnlyList<string> lost);
        if (!SharedFiles.AreSame(merged, theirs))
        {
            secret["data"] = Encode(merged);
            if (await objects.ReplaceAsync(_path, secret, cancellation) is null)
            {
                return;
            }
        }

        using IDisposable held = await state.LockAsync(cancellation);
        if (!SharedFiles.AreSame(_files.Read(), ours))
        {
            // Changed again meanwhile: the next round sees that change beside this one.
            return;
        }

        _files.Write(merged);
        _common = merged;
        foreach (string name in lost)
        {
            Lost(logger, name);
        }
    }

    private async Task<Dictionary<string, byte[]>> ReadAsync(CancellationToken cancellation)
    {
        using IDisposable held = await state.LockAsync(cancellation);
        return _files.Read();
    }

    private async Task<bool> CreateAsync(Dictionary<string, byte[]> files, CancellationToken cancellation) => await objects.CreateAsync(
        _path[.._path.LastIndexOf('/')],
        new JsonObject
        {
            ["apiVersion"] = "v1",
            ["kind"] = "Secret",
            ["metadata"] = new JsonObject { ["name"] = SecretName, ["namespace"] = @namespace },
            ["type"] = "Opaque",
            ["data"] = Encode(files),
        },
        cancellation) is not null;

    private static JsonObject Encode(Dictionary<string, byte[]> files) => new(files.OrderBy(file => file.Key, StringComparer.Ordinal)
        .Select(file => KeyValuePair.Create(file.Key, (JsonNode?)Convert.ToBase64String(file.Value))));

    /// <exception cref="StateFormatException">It is not what is written there.</exception>
    private Dictionary<string, byte[]> DataOf(JsonObject secret)
    {
        try
        {
            return (secret["data"] as JsonObject ?? []).ToDictionary(
                entry => entry.Key, entry => Convert.FromBase64String(entry.Value!.GetValue<string>()), StringComparer.Ordinal);
        }
        catch (Exception exception) when (exception is FormatException or InvalidOperationException)
        {
            throw new StateFormatException($"Secret {@namespace}/{SecretName}", "Its data is not base64.", exception);
        }
    }

    [LoggerMessage(
        EventId = 1721, Level = LogLevel.Information, Message = "Made the Secret {Namespace}/{Name}: replicas share what it holds.")]
    private static partial void Made(ILogger logger, string @namespace, string name);

    [LoggerMessage(
        EventId = 1722,
        Level = LogLevel.Warning,
        Message = "The Secret {Name} cannot be followed: {Problem} What is known stays in force; "
            + "changes reach no other replica meanwhile.")]
    private static partial void NotShared(ILogger logger, string name, string problem);

    [LoggerMessage(
        EventId = 1723,
        Level = LogLevel.Error,
        Message = "The Secret {Namespace}/{Name} was deleted; it is made again of what is known here.")]
    private static partial void Missing(ILogger logger, string @namespace, string name);

    [LoggerMessage(
        EventId = 1724,
        Level = LogLevel.Error,
        Message = "A change to {Name} was lost: another replica changed it at the same time. Make the change again.")]
    private static partial void Lost(ILogger logger, string name);
}
