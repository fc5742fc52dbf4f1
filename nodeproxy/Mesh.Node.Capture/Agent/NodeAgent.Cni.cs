using Mesh.Cni.Contract;
using Mesh.Interop.Linux;
using Mesh.Node.Capture.Cni;
using Mesh.Node.Capture.Pods;
using Mesh.Node.Capture.Rules;

namespace Mesh.Node.Capture.Agent;

/// <content>What the container runtime says of pods, through the CNI plug-in.</content>
public sealed partial class NodeAgent
{
    // A look at listeners that are about to be opened.
    private static readonly TimeSpan s_listenerLook = TimeSpan.FromMilliseconds(20);

    private static readonly TimeSpan s_wantedLook = TimeSpan.FromSeconds(1);

    // Guarded by _gate.
    private readonly AttachedPods _attached = new();

    /// <summary>
    /// Takes the plug-in off the host: out of every network configuration, then its file. The node must have no agent, which would put it
    /// back.
    /// </summary>
    /// <param name="cni">Where it is installed.</param>
    /// <param name="handover">Whose agent must be away.</param>
    /// <param name="problems">What could not be done, and why; none when nothing is left.</param>
    /// <returns>What was changed.</returns>
    /// <exception cref="CaptureException">An agent runs on this node.</exception>
    public static IReadOnlyList<string> RemovePlugin(CniOptions cni, HandoverOptions handover, out IReadOnlyList<string> problems)
    {
        using AgentLock held = AgentLock.Take(handover.SocketPath + ".lock");
        return new CniInstallation(cni, CniInstallation.EntryOf(cni, [])).Remove(out problems);
    }

    /// <summary>Keeps the plug-in installed, and answers it.</summary>
    private async Task ServeRuntimeAsync(PodSources sources, AgentServices services, CancellationToken cancellation)
    {
        if (!Cni.Enabled)
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, _time, cancellation);
        }

        if (!sources.CanDecide)
        {
            throw new CaptureException("cni.enabled needs a source that names pods: kubernetes.enabled or pods.directory.");
        }

        // At once: a plug-in that nobody answers yet holds pods back, and none lets them start uncaptured.
        Task answering = AnswerRuntimeAsync(sources, services, cancellation);
        if (Cni.Installs)
        {
            CniInstallation installation = new(Cni, CniInstallation.EntryOf(Cni, _kubernetes.ExcludedNamespaces));
            CniInstaller installer = new(Cni, installation, _logger, _time);
            _installer = installer;
            answering = await Task.WhenAny(answering, installer.RunAsync(cancellation));
        }

        await answering;
    }

    /// <summary>
    /// Answers the plug-in once every pod known at the start has been looked at. Until then it asks to be tried again.
    /// </summary>
    private async Task AnswerRuntimeAsync(PodSources sources, AgentServices services, CancellationToken cancellation)
    {
        await _firstLook.Task.WaitAsync(cancellation);
        CniRequests requests = new(Cni, sources, new Networks(this, services, cancellation), _metrics, _logger);
        await new CniServer(Cni, requests, _logger).RunAsync(cancellation);
    }

    /// <summary>The pods of this agent, to the runtime.</summary>
    private sealed class Networks(NodeAgent agent, AgentServices services, CancellationToken agentsEnd) : IPodNetworks
    {
        public int Proxies => services.Server.SessionCount;

        public async Task AttachAsync(PodSpec pod, PodAttachment attachment, TimeSpan limit, CancellationToken cancellation)
        {
            using NetNamespace opened = NetNamespace.OpenPath(attachment.Path);
            PodCapture capture;
            int due;
            lock (agent._gate)
            {
                PodSpec placed = agent._attached.Add(pod, attachment);
                capture = agent.Want(placed, services, agentsEnd);
                due = capture.RequestVerification();
            }

            await UntilServedAsync(capture, pod.DisplayName, due, opened, attachment.Path, limit, cancellation);
        }

        public async Task CheckAsync(string uid, string path, TimeSpan limit, CancellationToken cancellation)
        {
            using NetNamespace opened = NetNamespace.OpenPath(path);
            PodCapture capture;
            lock (agent._gate)
            {
                capture = agent._pods.TryGetValue(uid, out (PodCapture Pod, Task Running) existing) && existing.Pod.Wanted is not null
                    ? existing.Pod
                    : throw new CniRefusal(CniErrorCode.CaptureFailed, $"The pod with uid {uid} is not captured.");
            }

            await UntilServedAsync(capture, capture.Report.Pod, capture.RequestVerification(), opened, null, limit, cancellation);
        }

        public async Task DetachAsync(
            string containerId, string interfaceName, string? path, TimeSpan limit, CancellationToken cancellation)
        {
            (ulong Device, ulong Inode)? id = IdOf(path);
            Task left;
            lock (agent._gate)
            {
                if ((agent._attached.Find(containerId, interfaceName) ?? HolderOf(id)) is not string uid)
                {
                    return;
                }

                agent._attached.End(uid);
                if (!agent._pods.TryGetValue(uid, out (PodCapture Pod, Task Running) existing))
                {
                    return;
                }

                existing.Pod.End();
                left = existing.Running;
            }

            await Task.WhenAny(left, Task.Delay(limit, services.Time, cancellation));
        }

        public void Prune(string network, IReadOnlySet<string> containerIds)
        {
            lock (agent._gate)
            {
                foreach (string uid in agent._attached.Except(network, containerIds))
                {
                    agent._attached.End(uid);
                    if (agent._pods.TryGetValue(uid, out (PodCapture Pod, Task Running) existing))
                    {
                        existing.Pod.End();
                    }
                }
            }
        }

        /// <summary>An agent that was started anew knows pods by their namespaces alone.</summary>
        private string? HolderOf((ulong Device, ulong Inode)? id) => id is null
            ? null
            : agent._pods.FirstOrDefault(entry => entry.Value.Pod.Outcome?.NetworkId == id).Key;

        private static (ulong Device, ulong Inode)? IdOf(string? path)
        {
            try
            {
                using NetNamespace? opened = path is null ? null : NetNamespace.OpenPath(path);
                return opened?.Id;
            }
            catch (PosixException)
            {
                // It is gone already.
                return null;
            }
        }

        /// <summary>Until the rules are read back right, the proxy has said that it listens, and it does.</summary>
        /// <param name="capture">The pod.</param>
        /// <param name="name">Its name, for messages.</param>
        /// <param name="due">The turn from which on an outcome counts.</param>
        /// <param name="network">The namespace it must be captured in.</param>
        /// <param name="path">Where it must have been looked for; null for anywhere.</param>
        /// <param name="limit">How long to wait.</param>
        /// <param name="cancellation">Ends the wait.</param>
        private async Task UntilServedAsync(
            PodCapture capture, string name, int due, NetNamespace network, string? path, TimeSpan limit, CancellationToken cancellation)
        {
            long began = services.Time.GetTimestamp();
            while (true)
            {
                Task next = capture.NextOutcome;
                PodOutcome? outcome = capture.Outcome is { } last && last.Turn >= due && (path is null || last.Path == path) ? last : null;
                if (outcome is { NetworkId: null })
                {
                    throw new CniRefusal(
                        CniErrorCode.CaptureFailed,
                        $"Pod {name} cannot be captured, and does not start.",
                        string.Join("; ", outcome.Problems));
                }

                bool isReady = outcome is not null && outcome.IsServed && outcome.NetworkId == network.Id;
                if (isReady && ListenerProbe.IsListening(network))
                {
                    return;
                }

                TimeSpan rest = limit - services.Time.GetElapsedTime(began);
                if (rest <= TimeSpan.Zero || capture.Wanted is null)
                {
                    string missing = outcome is { Problems.Count: > 0 } ? string.Join("; ", outcome.Problems)
                        : capture.Wanted is null ? "the pod left the mesh meanwhile"
                        : "its rules or the proxy's listeners are not ready";
                    throw new CniRefusal(
                        CniErrorCode.TryAgainLater,
                        $"Pod {name} is not captured yet, and does not start uncaptured: try again later.",
                        missing);
                }

                // That a pod is wanted no more is no outcome.
                TimeSpan look = isReady ? s_listenerLook : s_wantedLook;
                TimeSpan wait = look < rest ? look : rest;
                await Task.WhenAny(next, Task.Delay(wait, services.Time, cancellation));
                cancellation.ThrowIfCancellationRequested();
            }
        }
    }
}
