using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;
using Mesh.EndToEnd.Support;
using Mesh.Lab;
using Mesh.Testing;
using Xunit;

namespace Mesh.EndToEnd;

/// <summary>
/// Requests and answers made to be misunderstood, or never to end. Goal: none of them reaches the other side, and whoever else asks the
/// same server at the time is answered. Method: bytes on sockets, to a server that keeps every byte; through a tunnel, on one node and in
/// plaintext.
/// </summary>
[Collection(nameof(ShortTimesGroup))]
public sealed partial class HostileRequestTests(ShortTimesLab fixture) : IsolatedTests(fixture)
{
    /// <summary>What no side may be sent. Long enough to be in nothing by chance.</summary>
    private const string Contraband = "smuggled-past-the-proxy";

    private const string Service = "hostile";
    private const string Good = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    private const string Behind = $"GET /{Contraband} HTTP/1.1\r\nHost: a\r\n\r\n";

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    public static TheoryData<string> Clients => ["mesh/client-1", "mesh/client-2", "outside/client-1"];

    /// <summary>What two servers could take for different requests, with the one that is to be smuggled in each.</summary>
    private static IEnumerable<string> Ambiguous =>
    [
        // CL.TE, TE.CL, and a Transfer-Encoding that one of two does not see.
        $"POST /{Contraband} HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{Behind}",
        $"POST /{Contraband} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n47\r\n{Behind}\r\n0\r\n\r\n",
        $"POST /{Contraband} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n{Behind}",
        $"POST /{Contraband} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n{Behind}",
        $"POST /{Contraband} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n{Behind}",
        $"POST /{Contraband} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\u000Bchunked\r\n\r\n0\r\n\r\n{Behind}",
        $"POST /{Contraband} HTTP/1.1\r\nHost: a\r\nX: y\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{Behind}",
        $"POST /{Contraband} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n{Behind}",
        $"POST /{Contraband} HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{Behind}",

        // Two lengths, and lengths that are read as others.
        $"POST /{Contraband} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 44\r\n\r\n{Behind}",
        $"POST /{Contraband} HTTP/1.1\r\nHost: a\r\nContent-Length: 0x10\r\n\r\n{Behind}",
        $"POST /{Contraband} HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n{Behind}",
        $"POST /{Contraband} HTTP/1.1\r\nHost: a\r\nContent-Length: 1 0\r\n\r\n{Behind}",

        // Heads.
        $"GET /{Contraband} HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        $"GET /{Contraband} HTTP/1.1\r\nHost: a\r\nX: y\rZ: {Contraband}\r\n\r\n",
        $"GET /{Contraband} HTTP/1.1\r\nHost: a\r\nX: \0{Contraband}\r\n\r\n",
        $"GET /{Contraband} HTTP/1.1\nHost: a\n\n",
        $"GET /{Contraband} /x HTTP/1.1\r\nHost: a\r\n\r\n",

        // Bombs: one field, many fields, a target.
        $"GET /{Contraband} HTTP/1.1\r\nHost: a\r\nX: {new string('x', 1 << 20)}\r\n\r\n",
        $"GET /{Contraband} HTTP/1.1\r\nHost: a\r\n{string.Concat(Enumerable.Repeat("X: y\r\n", 100_000))}\r\n",
        $"GET /{Contraband}{new string('x', 1 << 20)} HTTP/1.1\r\nHost: a\r\n\r\n",
    ];

    /// <summary>Content that is good as far as it goes, and what comes where it should end.</summary>
    private static IEnumerable<string> Endless =>
    [
        $"0\r\n{string.Concat(Enumerable.Repeat($"X: {Contraband}\r\n", 100_000))}",
        $"0;{string.Concat(Enumerable.Repeat($"x={Contraband};", 100_000))}",
        $"{string.Concat(Enumerable.Repeat($"1;x={Contraband}\r\na\r\n", 100_000))}",
        $"00000000000000001\r\n{Contraband}",
        $"ffffffffffffffff\r\n{Contraband}",
        $"1\r\naa\r\n0\r\n\r\n{Behind}",
    ];

    /// <summary>Answers that two clients could take for different ones.</summary>
    private static Dictionary<string, string> Answers => new(StringComparer.Ordinal)
    {
        ["/lengths"] = $"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\n{Contraband}",
        ["/both"] = $"HTTP/1.1 200 OK\r\nX: {Contraband}\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ["/return"] = $"HTTP/1.1 200 OK\r\nX: y\rSet-Cookie: {Contraband}\r\nContent-Length: 0\r\n\r\n",
        ["/feed"] = $"HTTP/1.1 200 OK\r\nX: y\nSet-Cookie: {Contraband}\r\nContent-Length: 0\r\n\r\n",
        ["/nul"] = $"HTTP/1.1 200 OK\r\nX: \0{Contraband}\r\nContent-Length: 0\r\n\r\n",
        ["/bomb"] = $"HTTP/1.1 200 OK\r\nX: {Contraband}{new string('x', 1 << 20)}\r\nContent-Length: 0\r\n\r\n",
    };

    [LabTheory]
    [MemberData(nameof(Clients))]
    public async Task Nothing_ambiguous_or_without_end_is_passed_on_and_neighbours_are_answered(string clientName)
    {
        await using RawHttpServer server = await ServeAsync(_ => Good);
        (LabPod client, IPEndPoint target) = await ClientAsync(clientName);
        using Socket neighbour = await client.ConnectAsync(target);
        Assert.StartsWith("HTTP/1.1 200 ", await neighbour.AskAsync("/neighbour"), StringComparison.Ordinal);

        foreach (string request in Ambiguous)
        {
            string answer = await SendAndReadAsync(client, target, request);
            Assert.Matches(Refusal(), answer);
        }

        foreach (string content in Endless)
        {
            // It may be answered before the content has come so far; whatever is, the connection ends there.
            string head = "POST /endless HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n";
            string answer = await SendAndReadAsync(client, target, head + content);
            Assert.InRange(answer.Split("HTTP/1.1 ").Length - 1, 0, 1);
        }

        Assert.StartsWith("HTTP/1.1 200 ", await neighbour.AskAsync("/neighbour"), StringComparison.Ordinal);
        Assert.DoesNotContain(Contraband, server.Heard, StringComparison.Ordinal);
    }

    [LabTheory]
    [MemberData(nameof(Clients))]
    public async Task Clients_that_never_come_to_the_end_of_a_head_are_told_so_and_harm_nobody(string clientName)
    {
        const int Count = 300;
        await using RawHttpServer server = await ServeAsync(_ => Good);
        (LabPod client, IPEndPoint target) = await ClientAsync(clientName);
        using Socket neighbour = await client.ConnectAsync(target);
        Assert.StartsWith("HTTP/1.1 200 ", await neighbour.AskAsync("/neighbour"), StringComparison.Ordinal);

        Task<string>[] slow = [.. Enumerable.Range(0, Count).Select(_ => DripAsync(client, target))];
        int answered = 0;
        while (!slow.All(task => task.IsCompleted))
        {
            Assert.StartsWith("HTTP/1.1 200 ", await neighbour.AskAsync("/neighbour"), StringComparison.Ordinal);
            answered++;
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
        }

        // One that says more at the very moment it is closed may lose its answer to a reset.
        string[] answers = await Task.WhenAll(slow);
        Assert.All(answers, answer => Assert.Matches("^(HTTP/1.1 408 |$)", answer));
        Assert.Contains(answers, answer => answer.Length > 0);
        Assert.True(answered > 0, "The neighbour was not answered once.");
        Assert.DoesNotContain(Contraband, server.Heard, StringComparison.Ordinal);
    }

    [LabTheory]
    [MemberData(nameof(Clients))]
    public async Task An_answer_is_never_split(string clientName)
    {
        Dictionary<string, string> answers = Answers;
        await using RawHttpServer server = await ServeAsync(
            line => answers.GetValueOrDefault(line.Split(' ')[1])
                ?? (line.Contains("/twice", StringComparison.Ordinal) ? $"{Good}HTTP/1.1 200 OK\r\nX: {Contraband}\r\n\r\n" : Good));
        (LabPod client, IPEndPoint target) = await ClientAsync(clientName);

        foreach (string path in answers.Keys)
        {
            string answer = await SendAndReadAsync(client, target, $"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
            Assert.StartsWith("HTTP/1.1 502 ", answer, StringComparison.Ordinal);
            Assert.DoesNotContain(Contraband, answer, StringComparison.Ordinal);
        }

        // What follows a whole answer is no answer to whoever asks next, and line ends that a path has are not those of a head.
        using Socket kept = await client.ConnectAsync(target);
        foreach (string path in (string[])["/twice", "/twice", "/", $"/a%0d%0a{Contraband}:%20b%0d%0a", "/"])
        {
            string answer = await kept.AskAsync(path);
            Assert.StartsWith("HTTP/1.1 200 ", answer, StringComparison.Ordinal);
            Assert.DoesNotContain(Contraband, answer, StringComparison.Ordinal);
        }

        Assert.DoesNotContain($"\n{Contraband}", server.Heard, StringComparison.Ordinal);
    }

    /// <summary>One answer that says no, and nothing after it; or none, where what was unread made the end a reset.</summary>
    [GeneratedRegex(@"^(HTTP/1\.1 (4\d\d|501|505) ((?!HTTP/1\.1 )[\s\S])*)?$")]
    private static partial Regex Refusal();

    /// <summary>Sends all that is taken, and reads what is answered until the connection ends.</summary>
    private static async Task<string> SendAndReadAsync(LabPod client, IPEndPoint target, string request)
    {
        using Socket socket = await client.ConnectAsync(target);
        Task<string> reading = ReadToEndAsync(socket);
        try
        {
            await socket.SendAllAsync(Encoding.Latin1.GetBytes(request));
        }
        catch (SocketException)
        {
            // It was refused before it was all sent.
        }

        return await reading;
    }

    /// <summary>Sends a head byte by byte, for as long as somebody reads it.</summary>
    private static async Task<string> DripAsync(LabPod client, IPEndPoint target)
    {
        using Socket socket = await client.ConnectAsync(target);
        Task<string> reading = ReadToEndAsync(socket);
        try
        {
            await socket.SendAllAsync(Encoding.Latin1.GetBytes($"GET /{Contraband} HTTP/1.1\r\nHost: a\r\nX: "));
            while (!reading.IsCompleted)
            {
                await socket.SendAllAsync("x"u8.ToArray());
                await Task.WhenAny(reading, Task.Delay(TimeSpan.FromMilliseconds(250), TimeProvider.System));
            }
        }
        catch (SocketException)
        {
            // It was closed meanwhile.
        }

        return await reading;
    }

    private static async Task<string> ReadToEndAsync(Socket socket)
    {
        using var limit = new CancellationTokenSource(s_patience);
        var answer = new StringBuilder();
        byte[] part = new byte[16 * 1024];
        try
        {
            while (await socket.ReceiveAsync(part, limit.Token) is int bytes and > 0)
            {
                answer.Append(Encoding.Latin1.GetString(part, 0, bytes));
            }
        }
        catch (SocketException exception) when (exception.SocketErrorCode == SocketError.ConnectionReset)
        {
            // With bytes unread, an end is a reset.
        }

        return answer.ToString();
    }

    private async Task<RawHttpServer> ServeAsync(Func<string, string> answer)
    {
        await ApplyAsync(Applications.Pod(Service, node: 2, Service) + Applications.Service(Service));
        await Fixture.ReadyAsync();
        await Fixture.SettleAsync();
        return await RawHttpServer.StartAsync(await Lab.PodAsync($"mesh/{Service}"), Applications.Port, answer);
    }

    /// <summary>Who asks, and what: pods of the mesh the service, others the pod.</summary>
    private async Task<(LabPod Client, IPEndPoint Target)> ClientAsync(string name)
    {
        LabPod client = await Lab.PodAsync(name);
        return name.StartsWith("mesh/", StringComparison.Ordinal)
            ? (client, new IPEndPoint(IPAddress.Parse(await Lab.AddressAsync(Service)), 80))
            : (client, (await Lab.PodAsync($"mesh/{Service}")).EndPoint(Applications.Port));
    }
}
