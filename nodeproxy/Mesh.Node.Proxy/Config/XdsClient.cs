using System.Globalization;
using System.Security.Cryptography;
using Grpc.Core;
using Mesh.Api.Discovery;
using Mesh.Node.Proxy.Config.Resources;
using Microsoft.Extensions.Logging;

namespace Mesh.Node.Proxy.Config;

/// <summary>
/// Keeps one delta discovery stream to the control plane, for as long as it runs: subscribes to everything, applies what comes, says what
/// it refuses, and comes back after a break with the versions it holds. While the control plane is away nothing changes.
/// </summary>
/// <remarks>
/// Runs on the thread pool. Responses are applied one after the other by the task of <see cref="RunAsync"/>, which makes it the one writer
/// of the store.
/// </remarks>
public sealed partial class XdsClient
{
    /// <summary>
    /// How long a control plane that has answered for everything required may take to answer for this mesh's own types before it is taken
    /// for one that does not know them.
    /// </summary>
    private static readonly TimeSpan s_ownTypesPatience = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan s_firstDelay = TimeSpan.FromMilliseconds(10);

    // A proxy that starts meanwhile admits nothing before it is answered, so this is what its users wait once the control plane is back.
    private static readonly TimeSpan s_longestDelay = TimeSpan.FromSeconds(5);

    private readonly ControlPlaneChannel _channel;
    private readonly ResourceApplier _applier;
    private readonly Api.Discovery.Node _node;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly OutageReport _outage;
    private readonly Backoff _backoff = new(s_firstDelay, s_longestDelay, spread: 0.2);

    // When everything required had come; null before. Written by the task of RunAsync alone.
    private long? _requiredSince;

    // The stream has answered. Written by the task of RunAsync alone.
    private bool _isConnected;

    public XdsClient(
        ControlPlaneChannel channel,
        NodeDescription node,
        string rootNamespace,
        ConfigurationStore store,
        TimeProvider time,
        ILoggerFactory loggers)
    {
        ArgumentNullException.ThrowIfNull(node);
        _channel = channel;
        _applier = new ResourceApplier(store, rootNamespace, loggers.CreateLogger<ResourceApplier>());
        _node = node.ToProto();
        _time = time;
        _outage = new OutageReport(time);
        _logger = loggers.CreateLogger<XdsClient>();
    }

    /// <summary>Runs until cancelled. Called once.</summary>
    public async Task RunAsync(CancellationToken stopping)
    {
        while (!stopping.IsCancellationRequested)
        {
            string reason;
            try
            {
                await RunStreamAsync(stopping);
                reason = "it ended the discovery stream";
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                return;
            }
            catch (Exception exception) when (IsOfTheWorld(exception))
            {
                reason = ControlPlaneFailure.Describe(exception);
            }

            _isConnected = false;
            _ = OwnTypesPatience();
            _applier.PublishState(_isConnected);
            TimeSpan delay = _backoff.Next();
            if (_outage.Failed(reason))
            {
                StreamFailed(_logger, _channel.Authority, reason, _outage.Attempts, _outage.Duration.TotalSeconds, delay.TotalSeconds);
            }

            try
            {
                await Task.Delay(delay, _time, stopping);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    private async Task RunStreamAsync(CancellationToken stopping)
    {
        CallInvoker invoker = await _channel.OpenAsync(stopping);
        Metadata headers = await _channel.AuthorizeAsync(stopping);
        var client = new AggregatedDiscoveryService.AggregatedDiscoveryServiceClient(invoker);
        using AsyncDuplexStreamingCall<DeltaDiscoveryRequest, DeltaDiscoveryResponse> call =
            client.DeltaAggregatedResources(headers, cancellationToken: stopping);
        try
        {
            await SubscribeAndApplyAsync(call, stopping);
        }
        catch (Exception exception)
            when (exception is OperationCanceledException or InvalidOperationException && !stopping.IsCancellationRequested)
        {
            // A write to a call that has failed says no more than that; why it failed is what the call itself says.
            await call.ResponseHeadersAsync;
            throw;
        }
    }

    private async Task SubscribeAndApplyAsync(
        AsyncDuplexStreamingCall<DeltaDiscoveryRequest, DeltaDiscoveryResponse> call, CancellationToken stopping)
    {
        foreach (ResourceType type in _applier.Types)
        {
            await call.RequestStream.WriteAsync(FirstRequest(type), stopping);
        }

        while (true)
        {
            // One read is outstanding at a time; the wait for our own types happens beside it.
            Task<bool> next = call.ResponseStream.MoveNext(stopping);
            bool answered = false;
            while (!answered && OwnTypesPatience() is TimeSpan patience)
            {
                // A timer may be a moment early; what is then left is waited for too.
                answered = await CompletesWithinAsync(next, patience, stopping);
            }

            if (!await next)
            {
                return;
            }

            if (!_isConnected)
            {
                _isConnected = true;
                _backoff.Reset();
                _outage.Succeeded();
                StreamOpened(_logger, _channel.Authority);
            }

            await ApplyAsync(call, stopping);
        }
    }

    private async Task ApplyAsync(AsyncDuplexStreamingCall<DeltaDiscoveryRequest, DeltaDiscoveryResponse> call, CancellationToken stopping)
    {
        DeltaDiscoveryResponse response = call.ResponseStream.Current;
        IReadOnlyList<ResourceProblem>? refused = _applier.Apply(response);
        if (refused is null)
        {
            UnknownType(_logger, response.TypeUrl);
            return;
        }

        _applier.PublishState(isConnected: true);
        await call.RequestStream.WriteAsync(Answer(response, refused), stopping);
    }

    /// <summary>Everything of the type, from the versions held: the control plane sends what differs and names what is gone.</summary>
    private DeltaDiscoveryRequest FirstRequest(ResourceType type)
    {
        var request = new DeltaDiscoveryRequest { Node = _node, TypeUrl = type.TypeUrl };
        foreach ((string name, string version) in type.Versions)
        {
            request.InitialResourceVersions.Add(name, version);
        }

        return request;
    }

    private static DeltaDiscoveryRequest Answer(DeltaDiscoveryResponse response, IReadOnlyList<ResourceProblem> refused)
    {
        var request = new DeltaDiscoveryRequest { TypeUrl = response.TypeUrl, ResponseNonce = response.Nonce };
        if (refused.Count > 0)
        {
            const int NamedMax = 20;
            string message = string.Join("\n", refused.Take(NamedMax));
            if (refused.Count > NamedMax)
            {
                message += string.Create(CultureInfo.InvariantCulture, $"\nand {refused.Count - NamedMax} more");
            }

            request.ErrorDetail = new Api.Rpc.Status { Code = (int)StatusCode.InvalidArgument, Message = message };
        }

        return request;
    }

    /// <summary>How much longer to wait for this mesh's own types; null when they are not waited for, or no longer.</summary>
    private TimeSpan? OwnTypesPatience()
    {
        if (!_applier.AwaitsOnlyOwnTypes)
        {
            return null;
        }

        _requiredSince ??= _time.GetTimestamp();
        TimeSpan left = s_ownTypesPatience - _time.GetElapsedTime(_requiredSince.Value);
        if (left > TimeSpan.Zero)
        {
            return left;
        }

        _applier.StopWaitingForOwnTypes();
        _applier.PublishState(_isConnected);
        return null;
    }

    private async Task<bool> CompletesWithinAsync(Task task, TimeSpan patience, CancellationToken stopping)
    {
        if (task.IsCompleted)
        {
            return true;
        }

        using var done = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        Task waited = Task.Delay(patience, _time, done.Token);
        bool completed = await Task.WhenAny(task, waited) == task;
        await done.CancelAsync();
        return completed || stopping.IsCancellationRequested;
    }

    /// <summary>
    /// What files, networks and control planes do; writing on a call the other side has just completed is an InvalidOperationException.
    /// Anything else is our mistake and leaves <see cref="RunAsync"/>.
    /// </summary>
    private static bool IsOfTheWorld(Exception exception) =>
        exception is RpcException or IOException or UnauthorizedAccessException or HttpRequestException or CryptographicException
            or OperationCanceledException or ObjectDisposedException or InvalidOperationException;

    [LoggerMessage(EventId = 1231, Level = LogLevel.Information, Message = "Connected to the control plane at {Authority}.")]
    private static partial void StreamOpened(ILogger logger, string authority);

    [LoggerMessage(EventId = 1233, Level = LogLevel.Warning,
        Message = "No discovery stream to the control plane at {Authority}: {Reason}. The last good configuration stays in force. "
            + "Failed attempts: {Attempts} in {OutageSeconds:F1} s; the next in {DelaySeconds:F2} s.")]
    private static partial void StreamFailed(
        ILogger logger, string authority, string reason, int attempts, double outageSeconds, double delaySeconds);

    [LoggerMessage(EventId = 1234, Level = LogLevel.Warning, Message = "The control plane sent {TypeUrl}, which nobody asked for.")]
    private static partial void UnknownType(ILogger logger, string typeUrl);
}
