using System.Net;
using BenchmarkDotNet.Attributes;
using Mesh.Bench.Micro.Model;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http2;
using Mesh.Node.Proxy.Hbone;
using Mesh.Node.Proxy.Telemetry;
using Mesh.Node.Transport.EventLoops;

namespace Mesh.Bench.Micro.Hbone;

/// <summary>
/// The life of one stream on a tunnel that stands, both ends on one loop: CONNECT with all of its headers written, sent, read and answered
/// 200, then both directions ended. Without sockets and TLS. Budget: what one stream is made of, and nothing that stays.
/// </summary>
[Config(typeof(StableAllocationConfig))]
public class TunnelOpenBench
{
    private const int StreamsPerRun = 200;

    private readonly EventLoop _loop = EventLoop.Start("bench", 0, new EventLoopOptions());
    private readonly ManualResetEventSlim _done = new();
    private ClientSide _client = null!;

    [GlobalSetup]
    public void Setup()
    {
        TunnelOptions options = new() { PingInterval = TimeSpan.FromHours(1), PingTimeout = TimeSpan.FromHours(1), IdleRelease = TimeSpan.FromHours(1) };
        _loop.Post(() =>
        {
            (MemoryChannel client, MemoryChannel server) = MemoryChannel.CreatePair(_loop);
            TunnelConnection.Start(server, Http2Role.Server, Http2Profiles.Server, options, new ServerSide());
            _client = new ClientSide(_done);
            _client.Tunnel = TunnelConnection.Start(client, Http2Role.Client, Http2Profiles.Client, options, _client);
            _done.Set();
        });
        _done.Wait();
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        _loop.Dispose();
        _done.Dispose();
    }

    [Benchmark(OperationsPerInvoke = StreamsPerRun)]
    public int OpenAndClose()
    {
        _done.Reset();
        _client.Left = StreamsPerRun;
        _loop.Post(_client);
        _done.Wait();
        return _client.LastStatus == ConnectStatusCode.Ok
            ? _client.LastStatus
            : throw new InvalidOperationException($"A stream ended with {_client.LastStatus}.");
    }

    /// <summary>Opens one stream after the other.</summary>
    private sealed class ClientSide(ManualResetEventSlim done) : LoopWork, ITunnelOwner, ITunnelStreamEvents
    {
        private readonly HeaderList _headers = new();
        private readonly IPEndPoint _target = new(IPAddress.Parse("10.0.12.34"), 8080);
        private readonly IPEndPoint _from = new(IPAddress.Parse("10.0.1.2"), 40_123);
        private readonly Workload _source = BenchMeshes.Workload(1, "client");
        private readonly Service _service = BenchMeshes.Endpoints(1).Service;
        private TunnelStream? _stream;

        public TunnelConnection Tunnel { get; set; } = null!;

        public int Left { get; set; }

        public int LastStatus { get; private set; }

        public override void Run()
        {
            ConnectRequest.Write(_headers, _target, _from, _source, _service);
            _stream = Tunnel.TryOpenStream(_headers, this);
            if (_stream is null)
            {
                Fail();
            }
        }

        public void OnResponse(HeaderList headers, bool endStream)
        {
            LastStatus = ConnectStatusCode.Parse(headers);
            _stream!.CompleteSend();
        }

        public void OnFinished()
        {
            if (--Left > 0)
            {
                Run();
            }
            else
            {
                done.Set();
            }
        }

        public void OnAborted(TunnelAbort abort) => Fail();

        public void OnData(ReadOnlySpan<byte> data, bool endStream)
        {
        }

        public void OnSendable()
        {
        }

        public void OnStreamOpened(TunnelConnection tunnel, TunnelStream stream, HeaderList headers, bool endStream) => Fail();

        public void OnCapacityChanged(TunnelConnection tunnel)
        {
        }

        public void OnGoAway(TunnelConnection tunnel)
        {
        }

        public void OnTunnelClosed(TunnelConnection tunnel, CloseReason reason, string? detail) => Fail();

        private void Fail()
        {
            LastStatus = 0;
            done.Set();
        }
    }

    /// <summary>Answers 200 and ends its direction when the client has ended the other.</summary>
    private sealed class ServerSide : ITunnelOwner
    {
        private readonly HeaderList _headers = new();
        private readonly Workload _destination = BenchMeshes.Workload(2, "server");

        public void OnStreamOpened(TunnelConnection tunnel, TunnelStream stream, HeaderList headers, bool endStream)
        {
            bool isFine = ConnectRequest.Read(headers).Error is null;
            stream.Events = new ServedStream(stream);
            ConnectResponseHeaders.Write(_headers, isFine ? ConnectStatusCode.Ok : ConnectStatusCode.BadRequest, _destination);
            stream.Respond(_headers, endStream: !isFine);
        }

        public void OnCapacityChanged(TunnelConnection tunnel)
        {
        }

        public void OnGoAway(TunnelConnection tunnel)
        {
        }

        public void OnTunnelClosed(TunnelConnection tunnel, CloseReason reason, string? detail)
        {
        }
    }

    private sealed class ServedStream(TunnelStream stream) : ITunnelStreamEvents
    {
        public void OnData(ReadOnlySpan<byte> data, bool endStream)
        {
            if (endStream)
            {
                stream.CompleteSend();
            }
        }

        public void OnResponse(HeaderList headers, bool endStream)
        {
        }

        public void OnSendable()
        {
        }

        public void OnAborted(TunnelAbort abort)
        {
        }

        public void OnFinished()
        {
        }
    }
}
