using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http2;

namespace Mesh.Node.Protocols.Tests.Interop;

/// <summary>
/// An HTTP/2 server over the engine, cleartext with prior knowledge. GET /N answers N bytes; a request with content answers the SHA-256 of
/// what it got; /trailers adds trailers.
/// </summary>
internal sealed class ContentServer : IDisposable
{
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly Http2ConnectionOptions _options;
    private readonly Lock _gate = new();
    private readonly List<Http2ConnectionError> _errors = [];

    public ContentServer(Http2ConnectionOptions? options = null)
    {
        _options = options ?? new();
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen();
        new Thread(Accept) { IsBackground = true }.Start();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndPoint!).Port;

    /// <summary>Why connections ended that ended badly.</summary>
    public Http2ConnectionError[] Errors
    {
        get
        {
            lock (_gate)
            {
                return [.. _errors];
            }
        }
    }

    /// <summary>Byte <paramref name="index"/> of what GET answers.</summary>
    public static byte ContentAt(long index) => (byte)('a' + (index % 26));

    public void Dispose() => _listener.Dispose();

    private void Accept()
    {
        while (true)
        {
            try
            {
                Socket socket = _listener.Accept();
                socket.NoDelay = true;
                new Thread(() => Serve(socket)) { IsBackground = true }.Start();
            }
            catch (SocketException)
            {
                return;
            }
            catch (ObjectDisposedException)
            {
                return;
            }
        }
    }

    private void Serve(Socket socket)
    {
        using (socket)
        {
            var owner = new Owner();
            var connection = new Http2Connection(Http2Role.Server, _options, owner);
            owner.Connection = connection;
            new SocketPump(socket, connection, owner.Pump).Run();
            if (connection.Error.Reason is not (Http2ErrorReason.None or Http2ErrorReason.ClosedByOwner))
            {
                lock (_gate)
                {
                    _errors.Add(connection.Error);
                }
            }
        }
    }

    private sealed class Reply
    {
        public long Sent { get; set; }

        public long Bytes { get; set; }

        public byte[]? Fixed { get; set; }

        public bool HasTrailers { get; set; }

        public IncrementalHash? Hash { get; set; }
    }

    private sealed class Owner : IHttp2Handler
    {
        private readonly List<Http2Stream> _sending = [];

        public Http2Connection Connection { get; set; } = null!;

        /// <summary>Sends what windows allow, a frame from each stream in turn.</summary>
        public void Pump()
        {
            bool isSending = true;
            while (isSending)
            {
                isSending = false;
                for (int i = _sending.Count - 1; i >= 0; i--)
                {
                    isSending |= i < _sending.Count && SendFrame(_sending[i]);
                }
            }
        }

        public void OnHeaders(Http2Stream stream, HeaderList headers, bool endStream)
        {
            if (stream.LastBlock == HeaderBlockKind.Trailers)
            {
                Respond(stream, (Reply)stream.Tag!);
                return;
            }

            var reply = new Reply();
            stream.Tag = reply;
            headers.TryGet(":path"u8, out ReadOnlySpan<byte> path);
            reply.HasTrailers = path.SequenceEqual("/trailers"u8);
            if (!endStream)
            {
                reply.Hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
                if (headers.TryGet("expect"u8, out _))
                {
                    Connection.SendHeaders(stream, Http2.Headers.Status(100), endStream: false);
                }

                return;
            }

            reply.Bytes = long.TryParse(Encoding.ASCII.GetString(path[1..]), NumberStyles.None, CultureInfo.InvariantCulture, out long bytes) ? bytes : 5;
            Respond(stream, reply);
        }

        public void OnData(Http2Stream stream, ReadOnlySpan<byte> data, bool endStream)
        {
            var reply = (Reply)stream.Tag!;
            reply.Hash!.AppendData(data);
            Connection.Consumed(stream, data.Length);
            if (endStream)
            {
                Respond(stream, reply);
            }
        }

        public void OnStreamReset(Http2Stream stream, Http2ErrorCode code, bool byPeer)
        {
        }

        public void OnStreamClosed(Http2Stream stream)
        {
            (stream.Tag as Reply)?.Hash?.Dispose();
            _sending.Remove(stream);
        }

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

        private void Respond(Http2Stream stream, Reply reply)
        {
            if (reply.Hash is not null)
            {
                reply.Fixed = Encoding.ASCII.GetBytes(Convert.ToHexStringLower(reply.Hash.GetHashAndReset()));
                reply.Bytes = reply.Fixed.Length;
            }

            Connection.SendHeaders(
                stream,
                Http2.Headers.Of((":status", "200"), ("content-length", reply.Bytes.ToString(CultureInfo.InvariantCulture)), ("server", "mesh")),
                endStream: reply.Bytes == 0 && !reply.HasTrailers);
            if (stream.State != Http2StreamState.Closed)
            {
                _sending.Add(stream);
            }
        }

        private bool SendFrame(Http2Stream stream)
        {
            var reply = (Reply)stream.Tag!;
            long left = reply.Bytes - reply.Sent;
            if (left == 0)
            {
                _sending.Remove(stream);
                Connection.SendHeaders(stream, Http2.Headers.Of(("x-checked", "yes")), endStream: true);
                return true;
            }

            Span<byte> room = Connection.ReserveData(stream, (int)Math.Min(left, 100_000));
            if (room.IsEmpty)
            {
                return false;
            }

            for (int i = 0; i < room.Length; i++)
            {
                room[i] = reply.Fixed is null ? ContentAt(reply.Sent + i) : reply.Fixed[reply.Sent + i];
            }

            reply.Sent += room.Length;
            bool isLast = reply.Sent == reply.Bytes && !reply.HasTrailers;
            if (isLast)
            {
                _sending.Remove(stream);
            }

            Connection.CommitData(stream, room.Length, isLast);
            return true;
        }
    }
}
