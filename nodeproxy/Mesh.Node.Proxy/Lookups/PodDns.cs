using System.Net.Sockets;
using System.Security.Cryptography;
using Mesh.Interop.Linux;
using Mesh.Node.Protocols.Dns;
using Mesh.Node.Proxy.Pods;
using Mesh.Node.Proxy.Telemetry.Metrics;
using Mesh.Node.Transport.EventLoops;

namespace Mesh.Node.Proxy.Lookups;

/// <summary>
/// What a pod asks of DNS servers over UDP: answered here where it is about a name of the mesh, else sent on to the server that was asked,
/// from the pod's own namespace and address, and answered in that server's name. The pod's home loop.
/// </summary>
internal sealed class PodDns
{
    private const int DnsPort = 53;

    private readonly EnrolledPod _pod;
    private readonly DnsMetrics _metrics;
    private readonly ServerNames _servers;
    private readonly List<DatagramListener> _listeners = [];
    private readonly HashSet<ForwardedQuery> _underWay = [];
    private readonly Stack<ForwardedQuery> _free = new();
    private readonly byte[] _answer = new byte[DnsAnswerWriter.DatagramBytesMax];

    /// <param name="pod">Whose.</param>
    public PodDns(EnrolledPod pod)
    {
        _pod = pod;
        _metrics = pod.Home.Services.Dns;
        _servers = new ServerNames(pod.Sockets);
        Share = pod.ShareOf(pod.Home);
    }

    public EventLoop Loop => _pod.Home.Loop;

    public PodSockets Sockets => _pod.Sockets;

    /// <summary>The pod's part of its home loop's time.</summary>
    public LoopShare Share { get; }

    /// <summary>Begins to hear what the pod asks over one family.</summary>
    /// <exception cref="PosixException">The port is taken or the namespace lacks the address family.</exception>
    public void Hear(AddressFamily family)
    {
        SocketHandle socket = Sockets.HearDatagrams(family, MeshPorts.Dns);
        SysResult started = DatagramListener.TryStart(this, socket, out DatagramListener? listener);
        if (!started.Ok)
        {
            throw new PosixException(started.Error, $"epoll_ctl(:{MeshPorts.Dns}, udp)");
        }

        _listeners.Add(listener!);
    }

    /// <summary>Hears nothing new, and serves what it has heard.</summary>
    public void BeginDrain()
    {
        foreach (DatagramListener listener in _listeners)
        {
            listener.Close();
        }

        _listeners.Clear();
    }

    /// <summary>Lets everything go; nobody is told of what is under way.</summary>
    public void Close()
    {
        BeginDrain();
        foreach (ForwardedQuery query in _underWay)
        {
            query.Abort();
        }

        _underWay.Clear();
        _servers.Close();
    }

    /// <summary>Serves one datagram.</summary>
    /// <param name="message">What came; in the loop's scratch.</param>
    /// <param name="client">Who asks.</param>
    /// <param name="server">The server that was asked.</param>
    public void Serve(Span<byte> message, in DatagramAddress client, in DatagramAddress server)
    {
        // Whoever dials the proxy's port asks no server: from outside the pod it would use the pod's name to ask others.
        if (server.Port != DnsPort)
        {
            _metrics.NotCaptured.Add(Loop.Index);
            return;
        }

        _metrics.Requests.Add(Loop.Index);
        switch (DnsQuery.Read(message, out DnsQuery query))
        {
            case DnsQueryStatus.NoRequest:
                _metrics.Malformed.Add(Loop.Index);
                return;
            case DnsQueryStatus.Malformed:
                _metrics.Malformed.Add(Loop.Index);
                var refusal = new DnsAnswerWriter(message, query, _answer, DnsAnswerWriter.DatagramBytes(query));
                Send(server, _answer.AsSpan(0, refusal.Finish(DnsCode.FormatError, isAuthoritative: false)), client);
                return;
        }

        int bytes = _pod.Home.Names.TryAnswer(_pod, message, query, _answer, DnsAnswerWriter.DatagramBytes(query));
        if (bytes > 0)
        {
            _metrics.Answered.Add(Loop.Index);
            Send(server, _answer.AsSpan(0, bytes), client);
            return;
        }

        Forward(message, query, client, server);
    }

    public void OnAnswered(ForwardedQuery query, ReadOnlySpan<byte> answer, in DatagramAddress server, in DatagramAddress client)
    {
        Send(server, answer, client);
        Free(query);
    }

    public void OnUnreachable(ForwardedQuery query, in DatagramAddress server, in DatagramAddress client)
    {
        _metrics.Unreachable.Add(Loop.Index);
        Send(server, _answer.AsSpan(0, query.WriteFailure(_answer)), client);
        Free(query);
    }

    public void OnTimedOut(ForwardedQuery query)
    {
        _metrics.TimedOut.Add(Loop.Index);
        Free(query);
    }

    public void OnStray() => _metrics.StrayAnswers.Add(Loop.Index);

    private void Forward(Span<byte> message, in DnsQuery query, in DatagramAddress client, in DatagramAddress server)
    {
        ProxyOptions options = _pod.Home.Services.Options;
        if (_underWay.Count >= options.PodDnsQueriesMax)
        {
            _metrics.OverLimit.Add(Loop.Index);
            return;
        }

        _metrics.Forwarded.Add(Loop.Index);
        ForwardedQuery forwarded = _free.TryPop(out ForwardedQuery? free) ? free : new ForwardedQuery(this);
        _underWay.Add(forwarded);
        ushort id = (ushort)RandomNumberGenerator.GetInt32(ushort.MaxValue + 1);
        if (!forwarded.TrySend(message, query, client, server, id, TimeSpan.FromMilliseconds(options.DnsTimeoutMs)).Ok)
        {
            OnUnreachable(forwarded, server, client);
        }
    }

    private void Send(in DatagramAddress server, ReadOnlySpan<byte> answer, in DatagramAddress client)
    {
        if (!_servers.Send(server, answer, client).Ok)
        {
            _metrics.Unanswerable.Add(Loop.Index);
        }
    }

    private void Free(ForwardedQuery query)
    {
        _underWay.Remove(query);
        _free.Push(query);
    }
}
