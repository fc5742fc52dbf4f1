using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using Mesh.Lab;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http2;
using Mesh.Testing.Certificates;

namespace Mesh.EndToEnd.Support;

/// <summary>
/// A peer of the test's own that has one connection carried through a pod's mutual TLS port, and ends it as it likes: what a proxy makes of
/// it is seen at the application. HTTP/2 by the product's engine, TLS by the class library's.
/// </summary>
internal sealed class HbonePeer : IHttp2Handler, IAsyncDisposable
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(30);

    private readonly Socket _socket;
    private readonly SslStream _tls;
    private readonly Http2Connection _http2;
    private readonly SemaphoreSlim _gate = new(1, 1);
    private readonly CancellationTokenSource _life = new();
    private readonly TaskCompletionSource<string> _status = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<Http2ErrorCode> _reset = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Http2Stream? _stream;
    private Task _reading = Task.CompletedTask;

    private HbonePeer(Socket socket, SslStream tls)
    {
        (_socket, _tls) = (socket, tls);
        _http2 = new Http2Connection(Http2Role.Client, new Http2ConnectionOptions(), this);
    }

    /// <summary>Has a connection carried to an application.</summary>
    /// <exception cref="InvalidOperationException">The proxy answered otherwise than 200.</exception>
    public static async Task<HbonePeer> ConnectAsync(LabPod from, TestCertificate certificate, IPEndPoint application)
    {
        using var limit = new CancellationTokenSource(s_limit);
        Socket socket = await from.ConnectAsync(new IPEndPoint(application.Address, HboneClient.Port), limit.Token);
        var peer = new HbonePeer(socket, new SslStream(new NetworkStream(socket)));
        try
        {
            await peer._tls.AuthenticateAsClientAsync(HboneClient.TlsOptions(certificate), limit.Token);
            await peer.AskAsync(application.ToString(), limit.Token);
            return peer;
        }
        catch
        {
            await peer.DisposeAsync();
            throw;
        }
    }

    public async Task SendAsync(string text)
    {
        await ActAsync(() =>
        {
            byte[] bytes = Encoding.ASCII.GetBytes(text);
            bytes.CopyTo(_http2.ReserveData(_stream!, bytes.Length));
            _http2.CommitData(_stream!, bytes.Length, endStream: false);
        });
    }

    /// <summary>RST_STREAM.</summary>
    public Task ResetAsync(Http2ErrorCode code) => ActAsync(() => _http2.ResetStream(_stream!, code));

    /// <summary>Ends TLS and TCP in good order, without a word about the stream.</summary>
    public async Task HangUpAsync()
    {
        await _tls.ShutdownAsync();
        _socket.Shutdown(SocketShutdown.Send);
    }

    /// <summary>Waits for the proxy's RST_STREAM.</summary>
    public Task<Http2ErrorCode> WaitForResetAsync() => _reset.Task.WaitAsync(s_limit);

    public async ValueTask DisposeAsync()
    {
        await _life.CancelAsync();
        await _reading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _tls.DisposeAsync();
        _socket.Dispose();
        _life.Dispose();
        _gate.Dispose();
    }

    public void OnHeaders(Http2Stream stream, HeaderList headers, bool endStream)
    {
        if (headers.TryGet(":status"u8, out ReadOnlySpan<byte> status))
        {
            _status.TrySetResult(Encoding.ASCII.GetString(status));
        }
    }

    public void OnData(Http2Stream stream, ReadOnlySpan<byte> data, bool endStream) => _http2.Consumed(stream, data.Length);

    public void OnStreamReset(Http2Stream stream, Http2ErrorCode code, bool byPeer) => _reset.TrySetResult(code);

    public void OnSendWindowOpened(Http2Stream? stream)
    {
    }

    public void OnGoAway(int lastStreamId, Http2ErrorCode code)
    {
    }

    public void OnPingAck(ulong opaque)
    {
    }

    public void OnSettingsChanged()
    {
    }

    public void OnStreamClosed(Http2Stream stream)
    {
    }

    private async Task AskAsync(string authority, CancellationToken cancellation)
    {
        _http2.Start();
        var request = new HeaderList();
        request.Add(":method"u8, "CONNECT"u8);
        request.Add(":authority"u8, Encoding.ASCII.GetBytes(authority));
        await ActAsync(() => _http2.TryOpenStream(request, endStream: false, tag: null, out _stream));
        _reading = ReadAsync();
        string status = await _status.Task.WaitAsync(cancellation);
        if (status != "200")
        {
            throw new InvalidOperationException($"The proxy answered {status}.");
        }
    }

    /// <summary>Does something to the engine and sends what comes of it.</summary>
    private async Task ActAsync(Action action)
    {
        await _gate.WaitAsync(_life.Token);
        try
        {
            action();
            await _tls.WriteAsync(_http2.Output.Unsent.ToArray(), _life.Token);
            _http2.Output.Advance(_http2.Output.UnsentBytes);
        }
        finally
        {
            _gate.Release();
        }
    }

    private async Task ReadAsync()
    {
        byte[] buffer = new byte[16 * 1024];
        try
        {
            while (true)
            {
                int bytes = await _tls.ReadAsync(buffer, _life.Token);
                if (bytes == 0)
                {
                    return;
                }

                await ActAsync(() => _http2.Receive(buffer.AsSpan(0, bytes), Environment.TickCount64));
            }
        }
        catch (Exception exception) when (exception is IOException or OperationCanceledException)
        {
            // The proxy has gone, or the test is over.
        }
    }
}
