using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text.Json;

namespace Mesh.Bench.Control;

/// <summary>A real proxy without pods, beside the simulated ones: how much of it is resident when it holds the whole mesh.</summary>
internal static class ProxyMemory
{
    private static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(100);

    // What loading left behind is given back by then.
    private static readonly TimeSpan s_rest = TimeSpan.FromSeconds(5);

    /// <param name="program">The executable.</param>
    /// <param name="controlPlane">Where it is.</param>
    /// <param name="rootCertificateFile">What its certificate is verified against.</param>
    /// <param name="node">Who the proxy is.</param>
    /// <param name="token">Its join token.</param>
    /// <param name="wanted">Values that its metrics have to reach, by name.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <returns>Bytes resident.</returns>
    /// <exception cref="ScaleException">The proxy ended.</exception>
    public static async Task<long> MeasureAsync(
        string program,
        IPEndPoint controlPlane,
        string rootCertificateFile,
        string node,
        string token,
        IReadOnlyDictionary<string, int> wanted,
        CancellationToken cancellation)
    {
        DirectoryInfo directory = Directory.CreateTempSubdirectory("mesh-bench-proxy-");
        try
        {
            string tokenFile = Path.Combine(directory.FullName, "token");
            await File.WriteAllTextAsync(tokenFile, token, cancellation);
            IPEndPoint metrics = FreeEndPoints.Take();
            string file = Path.Combine(directory.FullName, "node.json");
            await File.WriteAllTextAsync(
                file,
                JsonSerializer.Serialize(new
                {
                    node = new { name = node },
                    controlPlane = new { address = $"https://{controlPlane}", serverName = "mesh-control", rootCertificateFile, tokenFile },
                    handover = new { socketPath = Path.Combine(directory.FullName, "handover.sock") },
                    admin = new { address = "", metrics = metrics.ToString(), readiness = "" },
                }),
                cancellation);
            using var process = Process.Start(new ProcessStartInfo(program)
            {
                ArgumentList = { "proxy", "--config", file },
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            }) ?? throw new ScaleException($"{program} did not start");
            // It must not wait for a reader of its log.
            process.OutputDataReceived += static (_, _) => { };
            process.ErrorDataReceived += static (_, _) => { };
            process.BeginOutputReadLine();
            process.BeginErrorReadLine();
            try
            {
                return await ResidentAsync(process, metrics, wanted, cancellation);
            }
            finally
            {
                process.Kill();
                await process.WaitForExitAsync(CancellationToken.None);
            }
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    private static async Task<long> ResidentAsync(
        Process process, IPEndPoint metrics, IReadOnlyDictionary<string, int> wanted, CancellationToken cancellation)
    {
        using var client = new HttpClient();
        while (!process.HasExited)
        {
            if (await TryReadAsync(client, metrics, cancellation) is string text && wanted.All(value => ValueOf(text, value.Key) >= value.Value))
            {
                await Task.Delay(s_rest, TimeProvider.System, cancellation);
                process.Refresh();
                return process.WorkingSet64;
            }

            await Task.Delay(s_interval, TimeProvider.System, cancellation);
        }

        throw new ScaleException($"mesh-node ended with status {process.ExitCode} before it held the mesh");
    }

    private static async Task<string?> TryReadAsync(HttpClient client, IPEndPoint metrics, CancellationToken cancellation)
    {
        try
        {
            return await client.GetStringAsync(new Uri($"http://{metrics}/metrics"), cancellation);
        }
        catch (HttpRequestException)
        {
            // It does not listen yet.
            return null;
        }
    }

    private static double ValueOf(string text, string name) => text.Split('\n')
        .Where(line => line.StartsWith(name + " ", StringComparison.Ordinal))
        .Select(line => double.Parse(line[(name.Length + 1)..], CultureInfo.InvariantCulture))
        .DefaultIfEmpty(0)
        .Last();
}
