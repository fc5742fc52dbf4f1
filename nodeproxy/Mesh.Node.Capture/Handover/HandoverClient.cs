using System.Diagnostics;
using Mesh.Interop.Linux;
using Microsoft.Extensions.Logging;

namespace Mesh.Node.Capture.Handover;

/// <summary>
/// The proxy's end of the hand-over (ztunnel's role): stays connected to the agent and gives pods to a sink. Pods outlive
/// the connection; those the agent does not name after a reconnect are removed. <see cref="RunAsync"/> is called once.
/// </summary>
public sealed class HandoverClient(HandoverOptions options, IPodSink sink, ILogger logger, TimeProvider time)
{
    private static readonly TimeSpan s_backoffFirst = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan s_backoffLast = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan s_pendingRetry = TimeSpan.FromSeconds(5);

    // All of the following belong to RunAsync. What is served, with the namespace it is served in.
    private readonly Dictionary<string, (ulong Device, ulong Inode)> _served = new(StringComparer.Ordinal);

    // What the sink could not serve yet, with a namespace of our own to offer it again.
    private readonly Dictionary<string, PodHandover> _pending = new(StringComparer.Ordinal);

    // Written by RunAsync, read by any thread.
    private volatile bool _isSnapshotComplete;
    private volatile int _pendingCount;

    /// <summary>
    /// Null when every pod of the node is served: connected, a complete snapshot, nothing pending. Otherwise what is missing, for the
    /// readiness report. Any thread.
    /// </summary>
    public string? NotReadyReason => !_isSnapshotComplete ? "the agent has not named its pods"
        : _pendingCount > 0 ? $"{_pendingCount} pods cannot be served yet"
        : null;

    /// <summary>Connects, serves, reconnects, until cancelled. What is served then stays served.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        TimeSpan backoff = s_backoffFirst;
        try
        {
            while (!cancellation.IsCancellationRequested)
            {
                SysResult connected = SeqPacketSocket.Connect(options.SocketPath, out SeqPacketSocket? socket);
                if (socket is null)
                {
                    Log.AgentUnreachable(logger, options.SocketPath, connected.Error.ToString(), backoff.TotalSeconds);
                }
                else
                {
                    Log.AgentConnected(logger, options.SocketPath);
                    backoff = await ServeAsync(socket, cancellation) ? s_backoffFirst : backoff;
                }

                await Task.Delay(backoff, time, cancellation);
                backoff = backoff * 2 < s_backoffLast ? backoff * 2 : s_backoffLast;
            }
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // The process ends.
        }
        finally
        {
            foreach (PodHandover pod in _pending.Values)
            {
                pod.Network.Dispose();
            }
        }
    }

    /// <summary>Serves one connection to its end.</summary>
    /// <returns>Whether a snapshot was completed, so that the next connection may be tried at once.</returns>
    private async Task<bool> ServeAsync(SeqPacketSocket socket, CancellationToken cancellation)
    {
        using HandoverConnection connection = new(socket);
        HashSet<string> named = new(StringComparer.Ordinal);
        try
        {
            connection.Send(HandoverCodec.EncodeHello(), null);
            Task<HandoverPacket?> next = connection.ReceiveAsync(cancellation);
            while (true)
            {
                if (_pending.Count > 0 && !await CompletesWithinAsync(next, s_pendingRetry, cancellation))
                {
                    await RetryPendingAsync(cancellation);
                    continue;
                }

                using HandoverPacket? packet = await next;
                if (packet is null)
                {
                    throw new HandoverException("the agent closed it");
                }

                string? failure = await HandleAsync(packet, named, cancellation);
                connection.Send(HandoverCodec.EncodeAck(failure), null);
                next = connection.ReceiveAsync(cancellation);
            }
        }
        catch (HandoverException ended)
        {
            Log.AgentLost(logger, ended.Message);
            return _isSnapshotComplete;
        }
        finally
        {
            _isSnapshotComplete = false;
        }
    }

    /// <returns>What the Ack says went wrong; null when nothing did.</returns>
    /// <exception cref="HandoverException">The agent does not keep to the protocol.</exception>
    private async Task<string?> HandleAsync(HandoverPacket packet, HashSet<string> named, CancellationToken cancellation)
    {
        if (!HandoverCodec.TryDecodeRequest(packet.Message, out HandoverRequest? request, out string? error))
        {
            throw new HandoverException(error);
        }

        if (request is HandoverRequest.Add != packet.Descriptor is not null)
        {
            throw new HandoverException("a namespace comes with every added pod and with nothing else");
        }

        switch (request)
        {
            case HandoverRequest.Add add:
                named.Add(add.Pod.Uid);
                return await AddAsync(add.Pod, packet, cancellation);
            case HandoverRequest.Keep keep when !_isSnapshotComplete:
                named.Add(keep.Uid);
                return null;
            case HandoverRequest.Remove remove:
                named.Remove(remove.Uid);
                await RemoveAsync(remove.Uid, cancellation);
                return null;
            case HandoverRequest.SnapshotSent when !_isSnapshotComplete:
                foreach (string uid in _served.Keys.Concat(_pending.Keys).Except(named).ToArray())
                {
                    await RemoveAsync(uid, cancellation);
                }

                await sink.SnapshotCompleteAsync(new HashSet<string>(named, StringComparer.Ordinal), cancellation);
                _isSnapshotComplete = true;
                Log.SnapshotReceived(logger, named.Count);
                return null;
            default:
                throw new HandoverException("the agent kept a pod, or completed its snapshot, after completing it");
        }
    }

    private async Task<string?> AddAsync(PodAnnouncement pod, HandoverPacket packet, CancellationToken cancellation)
    {
        NetNamespace network;
        try
        {
            network = NetNamespace.FromHandle(packet.Descriptor!);
        }
        catch (PosixException unusable)
        {
            return unusable.Message;
        }

        // The sandbox may have been made anew under the same uid: what is served then leads nowhere any more.
        if (_served.TryGetValue(pod.Uid, out (ulong Device, ulong Inode) id) && id != network.Id)
        {
            await RemoveAsync(pod.Uid, cancellation);
        }

        PodHandover handover = new(pod.Uid, pod.Name, pod.Namespace, pod.ServiceAccount, network, pod.Details ?? PodDetails.Untold);
        return await OfferAsync(handover, cancellation);
    }

    /// <summary>Offers a pod to the sink, and keeps it for later when the sink cannot serve it.</summary>
    private async Task<string?> OfferAsync(PodHandover pod, CancellationToken cancellation)
    {
        // The sink's copy is the sink's to dispose; ours is for offering it again.
        NetNamespace copy;
        try
        {
            copy = NetNamespace.OpenPath(pod.Network.DescriptorPath);
        }
        catch (PosixException exhausted)
        {
            Postpone(pod, exhausted.Message);
            return exhausted.Message;
        }

        (ulong Device, ulong Inode) id = pod.Network.Id;
        string? failure = await sink.AddAsync(pod with { Network = copy }, cancellation);
        if (failure is not null)
        {
            Postpone(pod, failure);
            return failure;
        }

        Forget(pod.Uid, except: pod);
        pod.Network.Dispose();
        _served[pod.Uid] = id;
        return null;
    }

    private async Task RetryPendingAsync(CancellationToken cancellation)
    {
        foreach (PodHandover pod in _pending.Values.ToArray())
        {
            await OfferAsync(pod, cancellation);
        }
    }

    private async Task RemoveAsync(string uid, CancellationToken cancellation)
    {
        Forget(uid, except: null);
        _served.Remove(uid);
        await sink.RemoveAsync(uid, cancellation);
    }

    private void Postpone(PodHandover pod, string reason)
    {
        Forget(pod.Uid, except: pod);
        _pending[pod.Uid] = pod;
        _pendingCount = _pending.Count;
        Log.PodNotServed(logger, $"{pod.Namespace}/{pod.Name}", pod.Uid, reason);
    }

    private void Forget(string uid, PodHandover? except)
    {
        if (_pending.Remove(uid, out PodHandover? earlier) && !ReferenceEquals(earlier, except))
        {
            earlier.Network.Dispose();
        }

        _pendingCount = _pending.Count;
        Debug.Assert(!_pending.ContainsKey(uid), "A pod is pending once at most.");
    }

    private async Task<bool> CompletesWithinAsync(Task task, TimeSpan limit, CancellationToken cancellation)
    {
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        Task first = await Task.WhenAny(task, Task.Delay(limit, time, stop.Token));
        await stop.CancelAsync();
        return first == task;
    }
}
