using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Mesh.Node.Model.Traffic;
using Mesh.Node.Proxy.Tests.Paths;
using Mesh.Testing;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Http;

/// <summary>
/// Goal: connections to an application stay within the limit of its destination, no limit leaves a client unserved, and one whose
/// application is silent is let go. Method: servers that count their connections, and one that stops in the midst of a request.
/// </summary>
public sealed class ConnectionLimitTests
{
    private static readonly ConnectionLimits s_upgrade = new() { Http2Upgrade = Http2Upgrade.Always };

    [LabTheory]
    [InlineData(1u, 1u)]
    [InlineData(2u, 3u)]
    public async Task Requests_wait_where_another_connection_of_HTTP2_would_be_one_too_many(uint connectionsMax, uint streamsMax)
    {
        await using HttpLab lab = await HttpLab.StartAsync();
        LabPod pod = await lab.Node.AddPodAsync("server");
        int connections = 0;
        ScriptedHttp2.Serve(pod, (server, stream, path) =>
        {
            int seen = Volatile.Read(ref connections);
            while (seen < server.Number)
            {
                seen = Interlocked.CompareExchange(ref connections, server.Number, seen);
            }

            _ = AnswerLaterAsync(server, () => server.Answer(stream, "fine"));
        });
        HttpService service = lab.AddService("server", (pod, []));
        lab.Carry(service, s_upgrade with { MaxConnections = connectionsMax, MaxConcurrentStreams = streamsMax });

        // A client of HTTP/2 has one connection, and so one loop.
        HttpClient http = lab.Http2(service);
        string[] answers = await Task.WhenAll(Enumerable.Range(0, 40).Select(_ => http.GetStringAsync("/")));
        Assert.All(answers, answer => Assert.Equal("fine", answer));
        Assert.Equal((int)connectionsMax, Volatile.Read(ref connections));
    }

    [LabTheory]
    [InlineData(Http2Upgrade.Never)]
    [InlineData(Http2Upgrade.Always)]
    public async Task A_limit_that_others_have_reached_leaves_nobody_unserved(Http2Upgrade upgrade)
    {
        await using HttpLab lab = await HttpLab.StartAsync();
        LabPod pod = await lab.Node.AddPodAsync("server");
        await using HttpApp app = await HttpApp.StartAsync(
            pod,
            HttpLab.AppPort,
            context => context.Response.WriteAsync("fine"),
            upgrade == Http2Upgrade.Always
                ? Microsoft.AspNetCore.Server.Kestrel.Core.HttpProtocols.Http2
                : Microsoft.AspNetCore.Server.Kestrel.Core.HttpProtocols.Http1);
        HttpService service = lab.AddService("server", (pod, []));
        lab.Carry(service, new ConnectionLimits { Http2Upgrade = upgrade, MaxConnections = 1 });
        for (int i = 0; i < 20; i++)
        {
            // Each on a connection of its own, and so on whatever loop; connections to the application are kept meanwhile.
            using Socket connection = await lab.ConnectAsync(service);
            string answer = await LabPod.AskAsync(connection, "GET / HTTP/1.1\r\nHost: server\r\nConnection: close\r\n\r\n");
            Assert.StartsWith("HTTP/1.1 200 ", answer, StringComparison.Ordinal);
        }
    }

    [LabFact]
    public async Task A_connection_that_takes_nothing_more_keeps_no_other_from_being_made()
    {
        await using HttpLab lab = await HttpLab.StartAsync();
        LabPod pod = await lab.Node.AddPodAsync("server");
        ScriptedHttp2.Serve(pod, (server, stream, path) =>
        {
            if (path != "/hangs")
            {
                server.Answer(stream, $"{server.Number}");
                return;
            }

            server.Begin(stream);
            server.Http2.BeginDrain();
        });
        HttpService service = lab.AddService("server", (pod, []));
        lab.Carry(service, s_upgrade with { MaxConnections = 1 });
        HttpClient http = lab.Http2(service);
        using HttpResponseMessage hanging = await http.GetAsync("/hangs", HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal(HttpStatusCode.OK, hanging.StatusCode);
        Assert.Equal("2", await http.GetStringAsync("/"));
    }

    [LabFact]
    public async Task An_application_that_allows_no_requests_is_not_connected_to_over_and_over()
    {
        await using HttpLab lab = await HttpLab.StartAsync();
        LabPod pod = await lab.Node.AddPodAsync("server");
        using Socket listener = pod.Listen(HttpLab.AppPort);
        var connections = new ConcurrentQueue<Socket>();
        _ = RefuseAsync(listener, connections);
        HttpService service = lab.AddService("server", (pod, []));
        lab.Carry(service, s_upgrade with { ConnectTimeout = TimeSpan.FromSeconds(1) });
        using HttpResponseMessage refused = await lab.Http2(service).GetAsync("/");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);

        // One for each attempt.
        Assert.InRange(connections.Count, 1, 3);
        Assert.All(connections, connection => connection.Dispose());
    }

    /// <summary>Says to whoever connects that it may ask nothing: SETTINGS_MAX_CONCURRENT_STREAMS of 0 (RFC 9113 §6.5.2).</summary>
    private static async Task RefuseAsync(Socket listener, ConcurrentQueue<Socket> connections)
    {
        try
        {
            while (true)
            {
                Socket connection = await listener.AcceptAsync();
                connections.Enqueue(connection);
                await connection.SendAsync((byte[])[0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0]);
            }
        }
        catch (Exception ended) when (ended is SocketException or ObjectDisposedException)
        {
            // The pod is gone.
        }
    }

    [LabFact]
    public async Task An_application_that_answers_no_PING_loses_its_connection_and_the_next_request_gets_another()
    {
        await using HttpLab lab = await HttpLab.StartAsync();
        LabPod pod = await lab.Node.AddPodAsync("server");
        using var goesOn = new ManualResetEventSlim();
        ScriptedHttp2.Serve(pod, (server, stream, path) =>
        {
            if (path == "/stops")
            {
                // Nothing is read or written any more, while the kernel still acknowledges what comes.
                goesOn.Wait(LabNode.Patience);
            }

            server.Answer(stream, $"{server.Number}");
        });
        HttpService service = lab.AddService("server", (pod, []));
        lab.Carry(service, s_upgrade with { KeepAlive = new Http2KeepAlive(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1)) });
        HttpClient http = lab.Http2(service);
        Assert.Equal("1", await http.GetStringAsync("/"));
        using (HttpResponseMessage stopped = await http.PostAsync("/stops", null))
        {
            Assert.Equal(HttpStatusCode.ServiceUnavailable, stopped.StatusCode);
        }

        await lab.Node.WaitForLineAsync("/stops", "503", " UC ");
        Assert.Equal("2", await http.GetStringAsync("/"));
        goesOn.Set();
    }

    private static async Task AnswerLaterAsync(ScriptedHttp2 server, Action answer)
    {
        await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System);
        server.Do(answer);
    }
}
