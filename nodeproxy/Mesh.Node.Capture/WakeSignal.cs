using System.Threading.Channels;

namespace Mesh.Node.Capture;

/// <summary>Tells one waiter that something changed. Signals that nobody has waited for yet are one. Set by any thread.</summary>
internal sealed class WakeSignal
{
    private readonly Channel<bool> _channel =
        Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    public void Set() => _channel.Writer.TryWrite(true);

    /// <summary>Waits for a signal, given since the last wait or to come.</summary>
    public async Task WaitAsync(CancellationToken cancellation) => await _channel.Reader.ReadAsync(cancellation);

    /// <summary>Waits for a signal, a while at most.</summary>
    /// <returns>Whether there was one.</returns>
    public async Task<bool> WaitAsync(TimeSpan limit, TimeProvider time, CancellationToken cancellation)
    {
        if (limit <= TimeSpan.Zero)
        {
            return _channel.Reader.TryRead(out _);
        }

        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        Task signal = WaitAsync(stop.Token);
        Task first = await Task.WhenAny(signal, Task.Delay(limit, time, stop.Token));
        await stop.CancelAsync();
        cancellation.ThrowIfCancellationRequested();
        return first == signal;
    }
}
