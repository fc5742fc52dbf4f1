using System.Buffers.Binary;
using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http2;
using Mesh.Node.Protocols.Http2.Hpack;
using Mesh.Node.Proxy.Tests.Paths;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Http.Http2;

/// <summary>A client of HTTP/2 that sends the frames a test makes, right or wrong, and remembers what comes back.</summary>
internal sealed class RawHttp2 : IDisposable
{
    private const int HeaderBytes = 9;

    private readonly Socket _socket;
    private readonly Lock _lock = new();
    private readonly List<string> _seen = [];
    private readonly HpackDecoder _decoder = new(65_536, 1_000_000);
    private TaskCompletionSource _news = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool _hasEnded;

    private RawHttp2(Socket socket) => _socket = socket;

    /// <summary>
    /// What came, a line for a frame: <c>Headers 1 200 END</c>, <c>Data 1 5 END</c>, <c>Reset 1 Cancel</c>, <c>GoAway EnhanceYourCalm
    /// PingFlood</c>, and for other types their number; <c>End</c> last.
    /// </summary>
    public IReadOnlyList<string> Seen
    {
        get
        {
            lock (_lock)
            {
                return [.. _seen];
            }
        }
    }

    /// <summary>Whether the proxy has closed or reset the connection.</summary>
    public bool HasEnded
    {
        get
        {
            lock (_lock)
            {
                return _hasEnded;
            }
        }
    }

    /// <summary>Connects from the client's pod, and sends a preface, settings and their acknowledgement.</summary>
    public static async Task<RawHttp2> ConnectAsync(HttpLab lab, HttpService service, params (int Id, uint Value)[] settings)
    {
        var client = new RawHttp2(await lab.ConnectAsync(service));
        _ = client.ReadAsync();
        await client.SendAsync(
            Encoding.ASCII.GetBytes("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), Settings(settings), Frame(4, flags: 1, stream: 0));
        return client;
    }

    /// <summary>Sends frames in one piece; false when the connection has ended.</summary>
    public async Task<bool> SendAsync(params byte[][] frames)
    {
        try
        {
            using var limit = new CancellationTokenSource(LabNode.Patience);
            ReadOnlyMemory<byte> all = frames.SelectMany(frame => frame).ToArray();
            while (!all.IsEmpty)
            {
                all = all[await _socket.SendAsync(all, SocketFlags.None, limit.Token)..];
            }

            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    /// <summary>Waits for a line that begins so.</summary>
    public async Task<string> WaitAsync(string beginning)
    {
        using var limit = new CancellationTokenSource(LabNode.Patience);
        while (true)
        {
            Task news;
            lock (_lock)
            {
                if (_seen.Find(line => line.StartsWith(beginning, StringComparison.Ordinal)) is string found)
                {
                    return found;
                }

                Assert.False(_hasEnded, $"The connection has ended without {beginning}: {string.Join(", ", _seen)}");
                news = _news.Task;
            }

            await news.WaitAsync(limit.Token);
        }
    }

    /// <summary>A frame as it is told: nothing is made right.</summary>
    public static byte[] Frame(int type, int flags, int stream, params byte[] payload)
    {
        byte[] frame = new byte[HeaderBytes + payload.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame, (payload.Length << 8) | type);
        frame[4] = (byte)flags;
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(5), stream);
        payload.CopyTo(frame, HeaderBytes);
        return frame;
    }

    public static byte[] Settings(params (int Id, uint Value)[] settings)
    {
        byte[] payload = new byte[6 * settings.Length];
        for (int i = 0; i < settings.Length; i++)
        {
            BinaryPrimitives.WriteUInt16BigEndian(payload.AsSpan(6 * i), (ushort)settings[i].Id);
            BinaryPrimitives.WriteUInt32BigEndian(payload.AsSpan((6 * i) + 2), settings[i].Value);
        }

        return Frame(4, 0, 0, payload);
    }

    public static byte[] Data(int stream, string text, bool isLast = false) =>
        Frame(0, isLast ? 1 : 0, stream, Encoding.Latin1.GetBytes(text));

    public static byte[] Reset(int stream) => Frame(3, 0, stream, 0, 0, 0, 8);

    public static byte[] WindowUpdate(int stream, uint increment)
    {
        byte[] payload = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(payload, increment);
        return Frame(8, 0, stream, payload);
    }

    /// <summary>HEADERS that end their block, of a request to the service.</summary>
    public static byte[] Request(int stream, string method, string path, bool isLast, params (string Name, string Value)[] fields) =>
        Headers(
            stream,
            isLast,
            [(":method", method), (":scheme", "http"), (":authority", "server"), (":path", path), .. fields]);

    public static byte[] Headers(int stream, bool isLast, params (string Name, string Value)[] fields) =>
        Frame(1, isLast ? 5 : 4, stream, Block(fields));

    /// <summary>A block of literals as they are given, which enter no table.</summary>
    public static byte[] Block(params (string Name, string Value)[] fields)
    {
        var block = new List<byte>();
        foreach ((string name, string value) in fields)
        {
            block.Add(0);
            AddText(block, name);
            AddText(block, value);
        }

        return [.. block];
    }

    public void Dispose() => _socket.Dispose();

    private static void AddText(List<byte> block, string text)
    {
        const int PrefixMax = 127;
        if (text.Length < PrefixMax)
        {
            block.Add((byte)text.Length);
        }
        else
        {
            block.Add(PrefixMax);
            int left = text.Length - PrefixMax;
            for (; left >= 128; left >>= 7)
            {
                block.Add((byte)(0x80 | (left & 0x7F)));
            }

            block.Add((byte)left);
        }

        block.AddRange(Encoding.Latin1.GetBytes(text));
    }

    private async Task ReadAsync()
    {
        try
        {
            while (true)
            {
                byte[] header = await ReadExactlyAsync(HeaderBytes);
                byte[] payload = await ReadExactlyAsync(BinaryPrimitives.ReadInt32BigEndian(header) >> 8);
                Tell(Describe(header[3], header[4], BinaryPrimitives.ReadInt32BigEndian(header.AsSpan(5)), payload), hasEnded: false);
            }
        }
        catch (Exception ended) when (ended is EndOfStreamException or SocketException or ObjectDisposedException)
        {
            Tell("End", hasEnded: true);
        }
    }

    private async Task<byte[]> ReadExactlyAsync(int bytes)
    {
        byte[] all = new byte[bytes];
        for (int done = 0; done < bytes;)
        {
            int got = await _socket.ReceiveAsync(all.AsMemory(done));
            done += got > 0 ? got : throw new EndOfStreamException();
        }

        return all;
    }

    private string Describe(int type, int flags, int stream, byte[] payload)
    {
        string end = (flags & 1) != 0 ? " END" : "";
        switch (type)
        {
            case 0:
                return string.Create(CultureInfo.InvariantCulture, $"Data {stream} {payload.Length}{end}");
            case 1:
                var fields = new HeaderList();
                Assert.Equal(HpackStatus.Ok, _decoder.Decode(payload, fields));
                string status = fields.TryGet(":status"u8, out ReadOnlySpan<byte> text) ? Encoding.ASCII.GetString(text) : "trailers";
                return string.Create(CultureInfo.InvariantCulture, $"Headers {stream} {status}{end}");
            case 3:
                return string.Create(
                    CultureInfo.InvariantCulture, $"Reset {stream} {(Http2ErrorCode)BinaryPrimitives.ReadInt32BigEndian(payload)}");
            case 7:
                var code = (Http2ErrorCode)BinaryPrimitives.ReadInt32BigEndian(payload.AsSpan(4));
                return $"GoAway {code} {Encoding.ASCII.GetString(payload.AsSpan(8))}";
            default:
                return string.Create(CultureInfo.InvariantCulture, $"{type}");
        }
    }

    private void Tell(string line, bool hasEnded)
    {
        TaskCompletionSource news;
        lock (_lock)
        {
            _seen.Add(line);
            _hasEnded = hasEnded;
            news = _news;
            _news = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        news.SetResult();
    }
}
