using System.Buffers;
using System.Diagnostics;
using System.Text;
using Mesh.Lab.Networking;
using Mesh.Lab.Processes;

namespace Mesh.Lab;

/// <summary>
/// Packets of an interface, kept as they pass. What is looked for are bytes as they stood on the wire; a text short enough to travel in
/// one packet is found whole.
/// </summary>
public sealed class PacketCapture : IAsyncDisposable
{
    private static readonly TimeSpan s_startLimit = TimeSpan.FromSeconds(60);

    private readonly Process _process;
    private readonly ArrayBufferWriter<byte> _packets = new();
    private readonly Lock _lock = new();
    private readonly Task _reading;

    private PacketCapture(Process process)
    {
        _process = process;
        _reading = ReadAsync();
    }

    /// <summary>Bytes captured so far, with the framing of the capture file.</summary>
    public int LengthBytes
    {
        get
        {
            lock (_lock)
            {
                return _packets.WrittenCount;
            }
        }
    }

    /// <summary>Captures what passes between the nodes from now on.</summary>
    internal static async Task<PacketCapture> StartAsync(LabClient client)
    {
        ProcessStartInfo start = client.Describe(Fabric.OutsideNamespace, [.. Executable.OfTheLab, "sniff", Fabric.LinkInterface]);
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = true;
        Process process = Command.Start(start);
        var heard = new StringBuilder();
        using var limit = new CancellationTokenSource(s_startLimit);
        while (true)
        {
            string? line = await process.StandardError.ReadLineAsync(limit.Token);
            if (line is null)
            {
                throw new LabException($"the capture ended:{Environment.NewLine}{heard}");
            }

            heard.AppendLine(line);
            if (line == Sniffer.ReadyText)
            {
                return new PacketCapture(process);
            }
        }
    }

    /// <summary>Whether the bytes have been seen.</summary>
    public bool Has(ReadOnlySpan<byte> bytes)
    {
        lock (_lock)
        {
            return _packets.WrittenSpan.IndexOf(bytes) >= 0;
        }
    }

    /// <summary>Waits until the bytes have been seen; false when they have not within the time.</summary>
    public async Task<bool> WaitForAsync(ReadOnlyMemory<byte> bytes, TimeSpan limit)
    {
        long startedAt = Stopwatch.GetTimestamp();
        while (!Has(bytes.Span))
        {
            if (Stopwatch.GetElapsedTime(startedAt) > limit)
            {
                return false;
            }

            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System);
        }

        return true;
    }

    public async ValueTask DisposeAsync()
    {
        // nsenter, which was started, waits for the capture and passes on no signal.
        _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync();
        await _reading;
        _process.Dispose();
    }

    private async Task ReadAsync()
    {
        byte[] buffer = new byte[64 * 1024];
        while (true)
        {
            int count = await _process.StandardOutput.BaseStream.ReadAsync(buffer);
            if (count == 0)
            {
                return;
            }

            lock (_lock)
            {
                _packets.Write(buffer.AsSpan(0, count));
            }
        }
    }
}
