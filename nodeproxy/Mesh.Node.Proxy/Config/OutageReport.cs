namespace Mesh.Node.Proxy.Config;

/// <summary>
/// Decides when an outage is told: at once, again when its reason changes, and every minute while it lasts, however often it is tried. One
/// thread at a time.
/// </summary>
internal sealed class OutageReport(TimeProvider time)
{
    /// <summary>How often one reason is told.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);

    private string? _told;
    private long _toldAt;
    private long _since;

    /// <summary>Attempts that failed since the last success.</summary>
    public int Attempts { get; private set; }

    /// <summary>How long it lasts; since the first failed attempt.</summary>
    public TimeSpan Duration => Attempts == 0 ? TimeSpan.Zero : time.GetElapsedTime(_since);

    /// <summary>An attempt failed.</summary>
    /// <returns>True when it is to be told.</returns>
    public bool Failed(string reason)
    {
        if (Attempts++ == 0)
        {
            _since = time.GetTimestamp();
        }

        if (_told == reason && time.GetElapsedTime(_toldAt) < Interval)
        {
            return false;
        }

        _told = reason;
        _toldAt = time.GetTimestamp();
        return true;
    }

    /// <summary>
    /// An attempt succeeded. What was told within the last minute is not told again before that is over: who comes and goes at once would
    /// fill the log.
    /// </summary>
    public void Succeeded() => Attempts = 0;
}
