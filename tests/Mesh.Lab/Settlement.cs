using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Mesh.Lab.Networking;

namespace Mesh.Lab;

/// <summary>
/// Whether what was applied has arrived everywhere. A policy that concerns nobody is applied last, as a mark: the control plane reads its
/// directory as a whole, so a proxy that knows the mark has been sent what was there before it, and once it has confirmed all of that it
/// acts on it.
/// </summary>
internal static class Settlement
{
    private const ushort ControlAdminPort = 15014;

    private static readonly TimeSpan s_answerLimit = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(20);

    private static int s_count;

    /// <exception cref="LabException">It has not within the time.</exception>
    public static async Task WaitAsync(MeshLab lab, TimeSpan limit)
    {
        using HttpClient http = NamespaceSockets.Http(lab.ControlPlace, s_answerLimit);
        var proxies = new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{ControlAdminPort}/debug/proxies"));
        long startedAt = Stopwatch.GetTimestamp();
        string mark = string.Create(CultureInfo.InvariantCulture, $"cluster.local/ns/lab/sa/mark-{Interlocked.Increment(ref s_count):D6}");
        await lab.ApplyAsync(
            $$"""
            apiVersion: security.istio.io/v1
            kind: AuthorizationPolicy
            metadata: {name: settlement, namespace: lab}
            spec:
              action: DENY
              rules:
              - from:
                - source: {principals: ["{{mark}}"]}
            """);
        foreach (NodeStatus node in (await lab.StatusAsync()).Nodes)
        {
            LabNode place = await lab.NodeAsync(node.Name);
            await UntilAsync(async () => (await place.AdminAsync("/config_dump")).Contains(mark, StringComparison.Ordinal));
        }

        await UntilAsync(async () => IsSettled(await http.GetStringAsync(proxies)));

        async Task UntilAsync(Func<Task<bool>> condition)
        {
            while (!await condition())
            {
                if (Stopwatch.GetElapsedTime(startedAt) > limit)
                {
                    string known = await http.GetStringAsync(proxies);
                    throw new LabException($"not every proxy has confirmed the configuration within {limit.TotalSeconds} s:\n{known}");
                }

                await Task.Delay(s_pause, TimeProvider.System);
            }
        }
    }

    private static bool IsSettled(string proxies)
    {
        using var document = JsonDocument.Parse(proxies);
        return document.RootElement.GetProperty("proxies").EnumerateArray()
            .SelectMany(proxy => proxy.GetProperty("types").EnumerateArray())
            .All(type => type.GetProperty("acked").GetInt64() == type.GetProperty("inForce").GetInt64());
    }
}
