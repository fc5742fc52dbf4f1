using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http2;

namespace Mesh.Node.Protocols.Tests.Interop;

/// <summary>
/// Goal: nghttp2's server serves us correctly. Method: nghttpd over loopback, cleartext with prior knowledge, and the engine as its client.
/// </summary>
public sealed class NghttpdTests : IDisposable
{
    private const int FileBytes = 5_000_000;

    // Below what the kernel gives to those who ask for any.
    private static int s_lastPort = 21_000;

    private readonly string _folder = Directory.CreateTempSubdirectory("mesh-nghttpd-").FullName;
    private readonly byte[] _content = new byte[FileBytes];
    private readonly Process _nghttpd;
    private readonly int _port;

    public NghttpdTests()
    {
        string nghttpd = Tool.Find("nghttpd", "nghttp2-server");
        new Random(2).NextBytes(_content);
        File.WriteAllBytes(Path.Combine(_folder, "file"), _content);
        _port = Interlocked.Increment(ref s_lastPort);
        _nghttpd = Process.Start(
            nghttpd,
            ["--no-tls", "--address=127.0.0.1", $"--htdocs={_folder}", "--echo-upload", "--trailer=x-end: yes", _port.ToString(CultureInfo.InvariantCulture)]);
    }

    public void Dispose()
    {
        _nghttpd.Kill();
        _nghttpd.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public void Many_downloads_at_once_arrive_whole()
    {
        var client = new Downloads(_content.Length, streams: 60, upload: null);
        Run(client);
        Assert.Equal(60, client.Finished);
        Assert.All(client.Hashes, hash => Assert.Equal(Convert.ToHexString(SHA256.HashData(_content)), hash));
        Assert.Equal(60, client.Trailers);
    }

    [Fact]
    public void An_upload_comes_back_as_it_was()
    {
        var client = new Downloads(_content.Length, streams: 5, upload: _content);
        Run(client);
        Assert.Equal(5, client.Finished);
        Assert.All(client.Hashes, hash => Assert.Equal(Convert.ToHexString(SHA256.HashData(_content)), hash));
    }

    private void Run(Downloads client)
    {
        using Socket socket = Connect();
        var connection = new Http2Connection(Http2Role.Client, new() { LocalStreamsMax = 20 }, client);
        client.Connection = connection;
        new SocketPump(socket, connection, client.Pump).Run();
        Assert.True(connection.Error.Reason is Http2ErrorReason.ClosedByOwner, connection.Error.ToString());
    }

    /// <summary>The server needs a moment to listen; connecting is the only way to know when.</summary>
    private Socket Connect()
    {
        long deadline = Stopwatch.GetTimestamp() + (30 * Stopwatch.Frequency);
        while (true)
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true, ReceiveTimeout = 30_000 };
            try
            {
                socket.Connect(IPAddress.Loopback, _port);
                return socket;
            }
            catch (SocketException) when (Stopwatch.GetTimestamp() < deadline)
            {
                socket.Dispose();
            }
        }
    }

    /// <summary>Opens streams as the limit allows, sends the upload as windows allow, and ends the connection when all are done.</summary>
    private sealed class Downloads(int expectedBytes, int streams, byte[]? upload) : IHttp2Handler
    {
        private readonly List<(Http2Stream Stream, int Sent)> _uploads = [];
        private int _opened;

        public Http2Connection Connection { get; set; } = null!;

        public int Finished { get; private set; }

        public int Trailers { get; private set; }

        public List<string> Hashes { get; } = [];

        public void Pump()
        {
            while (_opened < streams && Connection.CanOpenStream)
            {
                HeaderList head = upload is null
                    ? Http2.Headers.Of((":method", "GET"), (":scheme", "http"), (":authority", "127.0.0.1"), (":path", "/file"))
                    : Http2.Headers.Of((":method", "POST"), (":scheme", "http"), (":authority", "127.0.0.1"), (":path", "/echo"));
                Assert.True(Connection.TryOpenStream(
                    head, endStream: upload is null, IncrementalHash.CreateHash(HashAlgorithmName.SHA256), out Http2Stream stream));
                _opened++;
                if (upload is not null)
                {
                    _uploads.Add((stream, 0));
                }
            }

            for (int i = _uploads.Count - 1; i >= 0; i--)
            {
                SendUpload(i);
            }
        }

        public void OnHeaders(Http2Stream stream, HeaderList headers, bool endStream)
        {
            if (stream.LastBlock == HeaderBlockKind.Trailers)
            {
                Trailers++;
            }
            else
            {
                Assert.True(headers.TryGet(":status"u8, out ReadOnlySpan<byte> status));
                Assert.True(status.SequenceEqual("200"u8));
            }
        }

        public void OnData(Http2Stream stream, ReadOnlySpan<byte> data, bool endStream)
        {
            ((IncrementalHash)stream.Tag!).AppendData(data);
            Connection.Consumed(stream, data.Length);
        }

        public void OnStreamReset(Http2Stream stream, Http2ErrorCode code, bool byPeer) => Assert.Fail($"Stream {stream.Id} was reset: {code}.");

        public void OnStreamClosed(Http2Stream stream)
        {
            using var hash = (IncrementalHash)stream.Tag!;
            Hashes.Add(Convert.ToHexString(hash.GetHashAndReset()));
            Finished++;
            if (Finished == streams)
            {
                Connection.SendGoAway(Http2ErrorCode.NoError, null);
                Connection.Abandon();
            }
        }

        public void OnSendWindowOpened(Http2Stream? stream)
        {
        }

        public void OnGoAway(int lastStreamId, Http2ErrorCode code) => Assert.Equal(Http2ErrorCode.NoError, code);

        public void OnPingAck(ulong opaque)
        {
        }

        public void OnSettingsChanged()
        {
        }

        private void SendUpload(int index)
        {
            (Http2Stream stream, int sent) = _uploads[index];
            while (sent < expectedBytes)
            {
                Span<byte> room = Connection.ReserveData(stream, expectedBytes - sent);
                if (room.IsEmpty)
                {
                    _uploads[index] = (stream, sent);
                    return;
                }

                upload.AsSpan(sent, room.Length).CopyTo(room);
                sent += room.Length;
                if (sent == expectedBytes)
                {
                    _uploads.RemoveAt(index);
                }

                Connection.CommitData(stream, room.Length, endStream: sent == expectedBytes);
            }
        }
    }
}
