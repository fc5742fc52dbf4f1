using System.Diagnostics;
using Xunit;

namespace Mesh.Interop.Tests.OpenSsl;

/// <summary>The `openssl` program as a peer that shares no code of ours. Killed when the test is over, whatever happened.</summary>
internal sealed class OpenSslTool : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("mesh-openssl-");
    private readonly List<string> _output = []; // Guarded by itself.
    private Process? _process;

    /// <summary>Everything it printed so far, both streams.</summary>
    public string Output
    {
        get
        {
            lock (_output)
            {
                return string.Join('\n', _output);
            }
        }
    }

    /// <summary>Writes a file for it and returns the path.</summary>
    public string Save(string name, string text)
    {
        string path = Path.Combine(_directory.FullName, name);
        File.WriteAllText(path, text);
        return path;
    }

    public void Start(params string[] arguments)
    {
        ProcessStartInfo start = new("openssl", arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        _process = Process.Start(start)!;
        _process.OutputDataReceived += (_, line) => Keep(line.Data);
        _process.ErrorDataReceived += (_, line) => Keep(line.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public void WriteLine(string line)
    {
        _process!.StandardInput.Write(line + "\n");
        _process.StandardInput.Flush();
    }

    /// <summary>Waits until it has printed that many lines which contain <paramref name="text"/>, and returns the last of them.</summary>
    public string WaitFor(string text, int lines = 1)
    {
        var clock = Stopwatch.StartNew();
        lock (_output)
        {
            while (true)
            {
                string[] found = [.. _output.Where(line => line.Contains(text, StringComparison.Ordinal))];
                if (found.Length >= lines)
                {
                    return found[lines - 1];
                }

                Assert.True(clock.Elapsed < s_patience, $"openssl never printed '{text}'. It printed:\n{string.Join('\n', _output)}");
                Monitor.Wait(_output, TimeSpan.FromMilliseconds(100));
            }
        }
    }

    public void WaitForExit() => Assert.True(_process!.WaitForExit(s_patience), "openssl did not end.");

    public void Kill() => _process?.Kill();

    public void Dispose()
    {
        Kill();
        _process?.Dispose();
        _directory.Delete(recursive: true);
    }

    private void Keep(string? line)
    {
        lock (_output)
        {
            _output.Add(line ?? "");
            Monitor.PulseAll(_output);
        }
    }
}
