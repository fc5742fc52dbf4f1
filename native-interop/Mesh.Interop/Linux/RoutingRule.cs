namespace Mesh.Interop.Linux;

/// <summary>A rule that chooses a routing table (rtnetlink(7), RTM_NEWRULE).</summary>
public sealed class RoutingRule
{
    /// <summary>Lower ones are asked first.</summary>
    public uint Preference { get; internal set; }

    /// <summary>The mark that packets must have; 0 where none is asked for.</summary>
    public uint Mark { get; internal set; }

    /// <summary>Which bits of it.</summary>
    public uint Mask { get; internal set; }

    /// <summary>The table it leads to.</summary>
    public uint Table { get; internal set; }

    /// <summary>Whether it asks for the mark alone and leads to the table: neither addresses nor interfaces nor anything else.</summary>
    public bool IsPlain { get; internal set; }

    /// <summary>Header and attributes as the kernel gave them, by which it is deleted.</summary>
    internal byte[] Raw { get; set; } = [];
}
