using System.Buffers.Binary;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Mesh.Interop.Linux;
using Xunit;

namespace Mesh.Node.Capture.Tests.Lab;

/// <summary>Sockets that live in a chosen namespace, and what tests say over them. Every wait ends by itself.</summary>
internal static class LabSockets
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private static readonly TimeSpan s_atOnce = TimeSpan.FromSeconds(1);

    private const int OwnMark = 0x539;
    private const int SolIp = 0;
    private const int SolSocket = 1;
    private const int SolIpv6 = 41;
    private const int SoMark = 36;
    private const int SoReusePort = 15;
    private const int IpTransparent = 19;
    private const int Ipv6Transparent = 75;
    private const int SoOriginalDst = 80;

    public static Socket Open(NetNamespace network, AddressFamily family, bool marked = false, bool transparent = false) =>
        network.Run((family, marked, transparent), static wanted =>
        {
            Socket socket = new(wanted.family, SocketType.Stream, ProtocolType.Tcp);
            if (wanted.marked)
            {
                Set(socket, SolSocket, SoMark, OwnMark);
            }

            if (wanted.transparent)
            {
                Set(socket, wanted.family == AddressFamily.InterNetwork ? SolIp : SolIpv6,
                    wanted.family == AddressFamily.InterNetwork ? IpTransparent : Ipv6Transparent, 1);
            }

            return socket;
        });

    /// <summary>
    /// Fails unless connecting is refused within a second. A packet that nobody answers costs one in every round; a stall of the machine
    /// does not come three times.
    /// </summary>
    public static async Task AssertRefusedAtOnceAsync(NetNamespace network, IPEndPoint to)
    {
        const int RoundsMax = 3;
        TimeSpan taken = TimeSpan.MaxValue;
        for (int round = 0; round < RoundsMax && taken >= s_atOnce; round++)
        {
            long start = Stopwatch.GetTimestamp();
            SocketException refused = await Assert.ThrowsAsync<SocketException>(() => ConnectAsync(network, to));
            taken = Stopwatch.GetElapsedTime(start);
            Assert.Equal(SocketError.ConnectionRefused, refused.SocketErrorCode);
        }

        Assert.True(taken < s_atOnce, $"The reset took {taken}.");
    }

    public static Socket Listen(NetNamespace network, IPEndPoint at, bool asProxy = false)
    {
        Socket socket = Open(network, at.AddressFamily, transparent: asProxy);
        if (at.AddressFamily == AddressFamily.InterNetworkV6)
        {
            socket.DualMode = false;
        }

        Set(socket, SolSocket, SoReusePort, 1);
        socket.Bind(at);
        socket.Listen(512);
        return socket;
    }

    public static async Task<Socket> ConnectAsync(NetNamespace network, IPEndPoint to, bool marked = false, IPAddress? from = null)
    {
        Socket socket = Open(network, to.AddressFamily, marked, transparent: from is not null);
        try
        {
            if (from is not null)
            {
                socket.Bind(new IPEndPoint(from, 0));
            }

            using CancellationTokenSource limit = new(Patience);
            await socket.ConnectAsync(to, limit.Token);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>What the proxy does with an accepted socket: reads the mark it came with, and sets its own.</summary>
    /// <returns>Whether it came with the proxy's own mark.</returns>
    public static bool TakeMark(Socket accepted)
    {
        byte[] mark = new byte[4];
        accepted.GetRawSocketOption(SolSocket, SoMark, mark);
        Set(accepted, SolSocket, SoMark, OwnMark);
        return (BinaryPrimitives.ReadInt32LittleEndian(mark) & 0xfff) == OwnMark;
    }

    /// <summary>The original destination of a connection that was translated (SO_ORIGINAL_DST).</summary>
    public static IPEndPoint OriginalDestination(Socket accepted)
    {
        byte[] address = new byte[28];
        bool isV4 = accepted.AddressFamily == AddressFamily.InterNetwork;
        accepted.GetRawSocketOption(isV4 ? SolIp : SolIpv6, SoOriginalDst, address);
        ushort port = BinaryPrimitives.ReadUInt16BigEndian(address.AsSpan(2));
        return new IPEndPoint(new IPAddress(isV4 ? address.AsSpan(4, 4) : address.AsSpan(8, 16)), port);
    }

    public static async Task SendAsync(Socket socket, string text)
    {
        using CancellationTokenSource limit = new(Patience);
        await socket.SendAsync(Encoding.ASCII.GetBytes(text), SocketFlags.None, limit.Token);
    }

    /// <summary>Reads until a line break.</summary>
    public static async Task<string> ReadLineAsync(Socket socket)
    {
        using CancellationTokenSource limit = new(Patience);
        StringBuilder line = new();
        byte[] one = new byte[1];
        while (await socket.ReceiveAsync(one, SocketFlags.None, limit.Token) == 1)
        {
            if (one[0] == '\n')
            {
                return line.ToString();
            }

            line.Append((char)one[0]);
        }

        return line + "<end>";
    }

    /// <summary>Says something and returns what comes back.</summary>
    public static async Task<string> AskAsync(Socket socket, string text)
    {
        await SendAsync(socket, text + "\n");
        return await ReadLineAsync(socket);
    }

    public static void Set(Socket socket, int level, int name, int value)
    {
        byte[] option = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(option, value);
        socket.SetRawSocketOption(level, name, option);
    }
}
