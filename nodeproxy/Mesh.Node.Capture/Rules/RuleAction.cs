namespace Mesh.Node.Capture.Rules;

/// <summary>What is done with a packet that matches. Closed: every back-end says how it writes each kind.</summary>
internal abstract record RuleAction
{
    private RuleAction()
    {
    }

    /// <summary>Go through another chain, then on with the next rule.</summary>
    public sealed record Jump(string Chain) : RuleAction;

    /// <summary>Go through another chain, then on where this one was called.</summary>
    public sealed record Continue(string Chain) : RuleAction;

    /// <summary>Done with this chain.</summary>
    public sealed record Return : RuleAction;

    /// <summary>Set the packet's mark under <see cref="CaptureMarks.Mask"/>; on with the next rule.</summary>
    public sealed record SetPacketMark(uint Mark) : RuleAction;

    /// <summary>Set the connection's mark under <see cref="CaptureMarks.Mask"/>; on with the next rule.</summary>
    public sealed record SetConnectionMark(uint Mark) : RuleAction;

    /// <summary>
    /// Give the packet to the open connection it belongs to, else to the listener on this port. Where neither exists, iptables drops the
    /// packet and nft goes on with the next rule.
    /// </summary>
    public sealed record DeliverTo(ushort Port) : RuleAction;

    /// <summary>Translate the connection's destination to this port of this host.</summary>
    public sealed record RedirectTo(ushort Port) : RuleAction;

    /// <summary>Answer with a TCP reset.</summary>
    public sealed record Reset : RuleAction;

    /// <summary>Drop silently; the sender tries again.</summary>
    public sealed record Drop : RuleAction;
}
