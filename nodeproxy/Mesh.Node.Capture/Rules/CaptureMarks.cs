namespace Mesh.Node.Capture.Rules;

/// <summary>
/// The numbers that rules, routes and the proxy agree on. All are compared under <see cref="Mask"/>, so the upper bits of marks stay
/// free for others. <see cref="Own"/>, <see cref="Return"/>, the table and the preference are those of Istio's ambient mode.
/// </summary>
public static class CaptureMarks
{
    /// <summary>The bits of packet and connection marks that are ours.</summary>
    public const uint Mask = 0xfff;

    /// <summary>
    /// On every connection the proxy opens or has accepted in a pod's namespace (SO_MARK): its packets are never captured. Not on its
    /// listeners, whose accepted sockets show the mark they came with: one that came with this mark is refused.
    /// </summary>
    public const uint Own = 0x539;

    /// <summary>
    /// On packets: deliver to the proxy, through <see cref="RoutingTable"/>. On connections: opened by the proxy towards the
    /// application, whose answers therefore go back to the proxy whatever address they name.
    /// </summary>
    public const uint Return = 0x111;

    /// <summary>On connections of the application: captured outbound.</summary>
    public const uint Outbound = 0x112;

    /// <summary>On connections to the application: captured inbound.</summary>
    public const uint Inbound = 0x113;

    /// <summary>On packets: captured, but no proxy listens. Answered with a reset.</summary>
    public const uint Refuse = 0x114;

    /// <summary>The routing table that delivers every address locally.</summary>
    public const int RoutingTable = 100;

    /// <summary>The preference of the rule that sends packets marked <see cref="Return"/> to <see cref="RoutingTable"/>.</summary>
    public const int RulePreference = 32764;
}
