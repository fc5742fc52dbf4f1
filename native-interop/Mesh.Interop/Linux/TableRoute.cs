using System.Net;

namespace Mesh.Interop.Linux;

/// <summary>A route of one table (rtnetlink(7), RTM_NEWROUTE).</summary>
public sealed class TableRoute
{
    /// <summary>Whether it delivers everything locally through the loopback interface.</summary>
    public bool IsLocalDefault { get; internal set; }

    /// <summary>Where it leads to; null for everywhere.</summary>
    public IPAddress? Destination { get; internal set; }

    /// <summary>How much of <see cref="Destination"/> counts.</summary>
    public int PrefixBits { get; internal set; }

    /// <summary>Through whom; null for directly.</summary>
    public IPAddress? Gateway { get; internal set; }

    /// <summary>The index of its interface; 0 for none.</summary>
    public uint Interface { get; internal set; }

    /// <summary>For an operator.</summary>
    public override string ToString()
    {
        string to = Destination is null ? "default" : $"{Destination}/{PrefixBits}";
        string via = Gateway is null ? "" : $" via {Gateway}";
        return Interface == 0 ? to + via : $"{to}{via} dev #{Interface}";
    }
}
