using System.Net;
using Mesh.Node.Model.Policies;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Proxy.Enforcement;
using Mesh.Node.Proxy.Loops;
using Mesh.Node.Proxy.Pods;
using Mesh.Node.Proxy.Telemetry;
using Mesh.Node.Proxy.Upstream;
using Mesh.Node.Transport.Channels;
using Mesh.Node.Transport.Relay;

namespace Mesh.Node.Proxy.Inbound;

/// <summary>
/// A plaintext connection to a pod: its client has no identity, so policy judges it by address and port alone, and STRICT refuses it. A
/// probe from the pod's own node goes to the ports the pod declares for it, whatever policy says.
/// </summary>
internal sealed class InboundPlaintextConnection : ProxiedConnection
{
    private readonly TcpChannel _client;
    private readonly IPEndPoint? _destination;
    private AppConnector? _connector;
    private TcpChannel? _application;
    private ChannelRelay? _relay;

    public InboundPlaintextConnection(EnrolledPod pod, TcpChannel client, IPEndPoint peer, IPEndPoint? destination)
        : base(pod.Home, pod, new ConnectionRecord(ConnectionPath.InboundPlaintext, peer, destination, pod.Home.Loop.NowMs))
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
        Context.Telemetry.PartiesKnown(Record);

        if (!Pod.IsProbe(Record.Client.Address, _destination.Port))
        {
            var facts = new ConnectionFacts(
                null, Record.Client.Address, _destination.Address, (ushort)_destination.Port, destination.Network);
            if (!await Gate.AdmitAsync(Context, this, destination, facts, TimeSpan.FromMilliseconds(Options.ConfigurationWaitMs)))
            {
                return;
            }
        }

        _connector = new AppConnector(Context.Loop, Pod, TimeSpan.FromMilliseconds(Options.ConnectTimeoutMs));
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

        _relay = new ChannelRelay(_client, _application, new RelayLimits(TimeSpan.FromMilliseconds(Options.IdleTimeoutMs)), Record, this);
        ValueTask<RelayEnd> ended = RelayEnded.WaitAsync();
        _relay.Start();
        EndBy(await ended);
    }

    protected override void OnAbort()
    {
        _connector?.Cancel();
        _relay?.Abort();
        _client.Reset();
    }

    protected override void CloseAll()
    {
        _client.Reset();
        _application?.Reset();
    }
}
