using System.Net;

namespace Mesh.Control.Cluster;

/// <summary>
/// How much may be asked about tokens that nobody has confirmed yet. Anybody can make one that looks right, so whoever asks much is
/// refused, and never makes others wait. Any thread.
/// </summary>
/// <param name="time">The clock.</param>
internal sealed class UnknownTokenLimit(TimeProvider time)
{
    /// <summary>Questions at once, of everybody together.</summary>
    public const int AtOnceMax = 8;

    /// <summary>Questions at once of one address.</summary>
    public const int AtOncePerAddressMax = 2;

    /// <summary>Questions of an address that has asked nothing for a while: a proxy has one token, and its successor another.</summary>
    public const int BurstMax = 4;

    /// <summary>Questions a second of one address, in the long run.</summary>
    public const int PerSecond = 2;

    /// <summary>Addresses remembered. Each is forgotten once its burst is whole again, after 2 s.</summary>
    private const int AddressesMax = 4_096;

    private static readonly TimeSpan s_wholeAfter = TimeSpan.FromSeconds(BurstMax / PerSecond);

    private readonly Lock _lock = new();
    private readonly Dictionary<IPAddress, Asker> _askers = [];
    private int _atOnce;

    /// <summary>Whoever may ask tells with <see cref="Release"/> that it has been answered.</summary>
    /// <param name="address">Of who presents the token.</param>
    /// <returns>Whether the question may be asked.</returns>
    public bool TryTake(IPAddress address)
    {
        long now = time.GetTimestamp();
        lock (_lock)
        {
            if (_atOnce >= AtOnceMax || Find(address, now) is not { } asker)
            {
                return false;
            }

            asker.Left = Math.Min(BurstMax, asker.Left + (time.GetElapsedTime(asker.At, now).TotalSeconds * PerSecond));
            asker.At = now;
            if (asker.Left < 1 || asker.AtOnce >= AtOncePerAddressMax)
            {
                return false;
            }

            asker.Left--;
            asker.AtOnce++;
            _atOnce++;
            return true;
        }
    }

    /// <param name="address">As it was taken for.</param>
    public void Release(IPAddress address)
    {
        lock (_lock)
        {
            _askers[address].AtOnce--;
            _atOnce--;
        }
    }

    /// <returns>Null when there is no room for another address.</returns>
    private Asker? Find(IPAddress address, long now)
    {
        if (_askers.TryGetValue(address, out Asker? known))
        {
            return known;
        }

        if (_askers.Count >= AddressesMax)
        {
            foreach (IPAddress idle in _askers.Where(asker => IsIdle(asker.Value, now)).Select(asker => asker.Key).ToList())
            {
                _askers.Remove(idle);
            }

            if (_askers.Count >= AddressesMax)
            {
                return null;
            }
        }

        var added = new Asker { Left = BurstMax, At = now };
        _askers.Add(address, added);
        return added;
    }

    private bool IsIdle(Asker asker, long now) => asker.AtOnce == 0 && time.GetElapsedTime(asker.At, now) >= s_wholeAfter;

    private sealed class Asker
    {
        /// <summary>Questions it may ask at <see cref="At"/>.</summary>
        public double Left { get; set; }

        /// <summary>Timestamp of the clock.</summary>
        public long At { get; set; }

        /// <summary>Questions that are not answered yet.</summary>
        public int AtOnce { get; set; }
    }
}
