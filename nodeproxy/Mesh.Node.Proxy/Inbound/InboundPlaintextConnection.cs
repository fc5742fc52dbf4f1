using System.Net;
using Mesh.Node.Model.Policies;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Protocols.Probes;
using Mesh.Node.Proxy.Enforcement;
using Mesh.Node.Proxy.Loops;
using Mesh.Node.Proxy.Pods;
using Mesh.Node.Proxy.Telemetry;
using Mesh.Node.Proxy.Upstream;
using Mesh.Node.Transport.Channels;
using Mesh.Node.Transport.Relay;

namespace Mesh.Node.Proxy.Inbound;

/// <summary>
/// A plaintext connection to a pod: its client has no identity, so policy judges it by address and port alone, and STRICT refuses it. What
/// policy does not admit may still be a probe: from the pod's own node, to a port the pod declares for it, and asking for that alone.
/// </summary>
internal sealed partial class InboundPlaintextConnection : ProxiedConnection
{
    /// <summary>Kubelet's probes last seconds; who is silent for longer probes nothing.</summary>
    private static readonly TimeSpan s_probeIdleLimit = TimeSpan.FromSeconds(60);

    private readonly TcpChannel _client;
    private readonly IPEndPoint? _destination;
    private ProbeChannel? _probe;
    private AppConnector? _connector;
    private TcpChannel? _application;
    private ChannelRelay? _relay;

    public InboundPlaintextConnection(LoopContext context, EnrolledPod pod, TcpChannel client, IPEndPoint peer, IPEndPoint? destination)
        : base(context, pod, new ConnectionRecord(ConnectionPath.InboundPlaintext, peer, destination, context.Loop.NowMs))
    {
        _client = client;
        _destination = destination;
    }

    protected override async Task ProxyAsync()
    {
        if (_destination is null)
        {
            Record.TryEnd(CloseReason.NoOriginalDestination);
            return;
        }

        if (MeshPorts.IsReserved(_destination.Port))
        {
            Record.TryEnd(CloseReason.CapturePortRefused, $"port {_destination.Port} belongs to the mesh");
            return;
        }

        if (await InboundDestination.FindAsync(Context, Pod, Record) is not Workload destination)
        {
            return;
        }

        Record.DestinationWorkload = destination;
        Record.DestinationIdentity = destination.Identity;
        Record.Source = Context.Snapshot.FindWorkload(destination.Network, Record.Client.Address);
        Record.Service = InboundDestination.ServiceOf(Context.Snapshot, destination, _destination.Port);
        var facts = new ConnectionFacts(
            null, Record.Client.Address, _destination.Address, (ushort)_destination.Port, destination.Network);
        ProbeRequests? probes = Pod.ProbesOf(Record.Client.Address, _destination.Port, out bool mayBeSilent);
        PortProtocol protocol = InboundDestination.ProtocolOf(Context.Snapshot, destination, _destination.Port);
        bool isAdmitted = probes is null && protocol is (PortProtocol.Http or PortProtocol.Detect or PortProtocol.Tls)
            ? await ServeHttpAsync(destination, protocol, facts)
            : await AdmitAsync(destination, facts, probes, mayBeSilent);
        if (!isAdmitted)
        {
            return;
        }

        _connector = new AppConnector(Pod.ShareOf(Context), Pod, TimeSpan.FromMilliseconds(Options.ConnectTimeoutMs));
        ConnectResult connected = await _connector.ConnectAsync(Record.Client.Address, _destination);
        _connector = null;
        _application = connected.Channel;
        if (_application is null)
        {
            Record.TryEnd(ConnectReasons.ReasonFor(connected.Status, connected.Error), connected.Error.ToString());
            return;
        }

        if (Record.Reason != CloseReason.None)
        {
            return;
        }

        Settle();
        TimeSpan idleLimit = _probe is null ? TimeSpan.FromMilliseconds(Options.IdleTimeoutMs) : s_probeIdleLimit;
        _relay = new ChannelRelay(
            _probe is null ? _client : _probe, _application, LimitsFor(idleLimit), _http is null ? Record : _http.Meter, this);
        ValueTask<RelayEnd> ended = RelayEnded.WaitAsync();
        _relay.Start();
        RelayEnd end = await ended;
        EndWhereRefused();
        EndBy(end);
    }

    protected override void OnAbort()
    {
        _probe?.Cancel();
        _connector?.Cancel();
        _relay?.Abort();
        _http?.Abort();
        _client.Reset();
    }

    protected override void CloseAll()
    {
        _client.Reset();
        _application?.Reset();
        _http?.End();
    }

    /// <summary>Judges a connection nobody will look into: what policy does not admit may still be a probe.</summary>
    private async ValueTask<bool> AdmitAsync(Workload destination, ConnectionFacts facts, ProbeRequests? probes, bool mayBeSilent)
    {
        Context.Telemetry.PartiesKnown(Record);
        return probes is not null && PolicyEvaluator.Evaluate(Context.Snapshot, destination, in facts).Outcome != PolicyOutcome.Allowed
            ? await BeginProbeAsync(probes, mayBeSilent)
            : await Gate.AdmitAsync(Context, this, destination, facts, TimeSpan.FromMilliseconds(Options.ConfigurationWaitMs));
    }

    /// <summary>Whether the client asks as a probe may; a probe that says nothing may always begin.</summary>
    private async ValueTask<bool> BeginProbeAsync(ProbeRequests probes, bool mayBeSilent)
    {
        _probe = new ProbeChannel(_client, probes);
        if (mayBeSilent || await _probe.WaitForRequestAsync(TimeSpan.FromMilliseconds(Options.HandshakeTimeoutMs)))
        {
            return Record.Reason == CloseReason.None;
        }

        EndWhereRefused();
        Record.TryEnd(CloseReason.ClientReset);
        return false;
    }

    private void EndWhereRefused()
    {
        if (_probe?.Refusal is string refusal)
        {
            Record.TryEnd(CloseReason.ProbeRefused, refusal);
        }
    }
}
