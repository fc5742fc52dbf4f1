using System.Collections.Immutable;
using System.Net;
using static Mesh.Node.Capture.Rules.Rule;
using static Mesh.Node.Capture.Rules.RuleAction;
using static Mesh.Node.Capture.Rules.RuleMatch;

namespace Mesh.Node.Capture.Rules;

/// <summary>
/// The capture rules themselves, as data; back-ends only spell them. The one place where it is decided what is captured.
/// <c>nodeproxy/docs/capture.md</c> explains each rule to operators and must say the same.
/// </summary>
/// <remarks>
/// Invariants. A connection is captured only if the rules saw it open: what was open before enrolment, or is excluded, carries no mark of
/// ours and is left alone. The decision is kept in the connection's mark, so that changing exclusions never splits a connection. What is
/// captured reaches the proxy or is answered with a reset; it never reaches the application or the network instead.
/// Order. Every packet of a pod pays for every rule it passes, so what most packets meet stands first, as far as that changes no answer.
/// </remarks>
internal static class CaptureRules
{
    private const string Prerouting = "PREROUTING";
    private const string Output = "OUTPUT";
    private const string Answer = "ANSWER";
    private const string Loopback = "LOOPBACK";
    private const string Inbound = "INBOUND";
    private const string Connect = "CONNECT";
    private const string TakeInbound = "TAKE_INBOUND";
    private const string TakeOutbound = "TAKE_OUTBOUND";
    private const string Refused = "REFUSE";
    private const string RedirectInbound = "REDIRECT_IN";
    private const string RedirectOutbound = "REDIRECT_OUT";
    private const string TakeDns = "TAKE_DNS";
    private const string AskDns = "ASK_DNS";
    private const string HearDns = "HEAR_DNS";
    private const string GuardInbound = "GUARD_IN";
    private const string GuardOutbound = "GUARD_OUT";

    private const ushort DnsPort = 53;

    private static readonly IPNetwork s_linkLocal = IPNetwork.Parse("fe80::/10");

    /// <summary>The tables of a plan, in the order they must come into being.</summary>
    /// <param name="plan">What is captured.</param>
    /// <param name="refusal">Where the back-end can answer with a reset.</param>
    public static ImmutableArray<RuleTable> Build(CapturePlan plan, RefusalPlace refusal) => (plan.Mode, refusal) switch
    {
        (CaptureMode.Redirect, _) => [BuildReturnPath(plan), BuildRedirect(plan)],
        (_, RefusalPlace.Anywhere) => [BuildTproxy(plan, new Reset())],
        _ => [BuildRefusal(), BuildTproxy(plan, new SetPacketMark(CaptureMarks.Refuse))],
    };

    /// <summary>
    /// What stands while one way of capturing gives place to another: connections cannot open, and their openers try again a second later.
    /// </summary>
    public static RuleTable BuildGuard() => new(
        RuleTableKind.Filter,
        [(RuleHook.Input, GuardInbound), (RuleHook.Output, GuardOutbound)],
        [
            new(GuardInbound, [When(new Drop(), new FromLoopback(false), new Opening(), new DestinationPort(CapturePorts.Hbone, false))]),
            new(GuardOutbound, [When(new Drop(), new ToLoopback(false), new Opening(), new PacketMark(CaptureMarks.Own, false))]),
        ]);

    /// <summary>
    /// Whether a chain is one of those that differ between <see cref="CaptureStage.Refusing"/> and <see cref="CaptureStage.Capturing"/>.
    /// </summary>
    public static bool IsTakingChain(string name) => name is TakeInbound or TakeOutbound or TakeDns;

    private static RuleTable BuildRefusal() => new(
        RuleTableKind.Filter,
        [(RuleHook.Input, Refused)],
        [new(Refused, [When(new Reset(), new PacketMark(CaptureMarks.Refuse))])]);

    /// <param name="plan">What is captured.</param>
    /// <param name="refuse">What is done in PREROUTING with what nobody takes.</param>
    private static RuleTable BuildTproxy(CapturePlan plan, RuleAction refuse)
    {
        ImmutableArray<RuleChain>.Builder chains = ImmutableArray.CreateBuilder<RuleChain>();
        chains.Add(new(Prerouting, plan.BypassInbound
            ? [When(new Continue(Loopback), new FromLoopback())]
            : [When(new Continue(Loopback), new FromLoopback()), When(new Continue(Inbound))]));
        chains.Add(new(Loopback,
        [
            When(new Continue(TakeOutbound), new ConnectionMark(CaptureMarks.Outbound)),
            When(new Return(), new PacketMark(CaptureMarks.Own, false)),
            .. OwnMarkToOwnPorts(),

            // The proxy talks to the application. The packet loses the proxy's mark, lest tcp_fwmark_accept give it to the application's
            // socket.
            When(new SetConnectionMark(CaptureMarks.Return)),
            When(new SetPacketMark(CaptureMarks.Return)),
        ]));
        chains.Add(new(TakeOutbound,
        [
            // What OUTPUT sent here goes to the proxy. The proxy's answers on the same connection are the application's.
            When(new Return(), new OriginalDirection(false)),
            .. plan.CapturesDns ? [When(new Continue(TakeDns), new DestinationPort(DnsPort))] : ImmutableArray<Rule>.Empty,
            .. Take(plan, CapturePorts.Outbound, refuse),
        ]));
        if (plan.CapturesDns)
        {
            chains.Add(new(TakeDns, Take(plan, CapturePorts.Dns, refuse)));
        }

        if (!plan.BypassInbound)
        {
            chains.Add(new(Inbound, InboundRules(plan)));
            chains.Add(new(TakeInbound, Take(plan, CapturePorts.InboundPlaintext, refuse)));
        }

        chains.Add(new(Output,
        [
            When(new Return(), new PacketMark(CaptureMarks.Own)),
            When(new Continue(Answer), new ConnectionMark(CaptureMarks.Return)),
            When(new Return(), new ToLoopback()),
            When(new Jump(Connect), new Opening()),

            // The mark sends the packet through the local route to the loopback interface, and so to LOOPBACK.
            When(new SetPacketMark(CaptureMarks.Return), new ConnectionMark(CaptureMarks.Outbound), new OriginalDirection()),
        ]));
        chains.Add(new(Answer, [When(new SetPacketMark(CaptureMarks.Return))]));
        chains.Add(new(Connect,
        [
            // The kernel may still keep an ended connection between the same two ports.
            When(new SetConnectionMark(0)),
            .. plan.Stage == CaptureStage.Draining
                ? ImmutableArray<Rule>.Empty
                : [.. OutboundExclusions(plan), When(new SetConnectionMark(CaptureMarks.Outbound))],
        ]));
        return WithDnsDatagrams(
            new(RuleTableKind.Mangle, [(RuleHook.Prerouting, Prerouting), (RuleHook.Output, Output)], chains.ToImmutable()), plan);
    }

    /// <summary>
    /// What the pod asks over UDP. There are no connections, so the mark that leads a datagram back in through the loopback interface is
    /// also what tells it there from others. In both modes the proxy needs the address that was asked, and NAT would not tell it.
    /// </summary>
    private static RuleTable WithDnsDatagrams(RuleTable table, CapturePlan plan)
    {
        if (!plan.CapturesDns || plan.Stage == CaptureStage.Draining)
        {
            return table;
        }

        RuleChain ask = new(
            AskDns,
            [
                When(new Return(), new DestinationPort(DnsPort, false)),
                When(new Return(), new PacketMark(CaptureMarks.Own)),
                When(new Return(), new ToLoopback()),

                // Of a link-local server only the interface that leads to it knows which one it is.
                When(new Return(), new DestinationIn(s_linkLocal)),
                .. OutboundExclusions(plan),
                When(new SetPacketMark(CaptureMarks.Return)),
            ],
            RuleProtocol.Udp);
        RuleChain hear = new(
            HearDns,
            [
                When(new Return(), new FromLoopback(false)),
                When(new Return(), new PacketMark(CaptureMarks.Return, false)),
                When(new DeliverTo(CapturePorts.Dns), new DestinationPort(DnsPort)),

                // Else a DNS server of the pod itself would hear what was asked of another.
                When(new Drop(), new DestinationPort(DnsPort)),
            ],
            RuleProtocol.Udp);
        return table with
        {
            Entries = [.. table.Entries, (RuleHook.Prerouting, HearDns), (RuleHook.Output, AskDns)],
            Chains = [.. table.Chains, hear, ask],
        };
    }

    private static ImmutableArray<Rule> InboundRules(CapturePlan plan)
    {
        if (plan.Stage == CaptureStage.Draining)
        {
            return
            [
                When(new SetConnectionMark(0), new Opening()),
                When(new Continue(TakeInbound), new ConnectionMark(CaptureMarks.Inbound)),
            ];
        }

        return
        [
            .. InboundExclusions(plan),
            When(new SetConnectionMark(CaptureMarks.Inbound), new Opening()),
            When(new Continue(TakeInbound), new ConnectionMark(CaptureMarks.Inbound)),

            // Not captured, and not opening: a connection older than the rules, or an answer to one this namespace opened. Anything else
            // would be the application's listener taking the last packet of a handshake it never saw (a SYN cookie), so it goes to the
            // proxy. Each of these looks for the socket anew, so the one that most packets match comes first.
            When(new Return(), new OnlyWildcardListener(false)),
            When(new Continue(TakeInbound), new OnlyWildcardListener()),
            When(new Return(), new HasSocket()),
            When(new Continue(TakeInbound)),
        ];
    }

    /// <summary>Deliver, and refuse what nobody took.</summary>
    private static ImmutableArray<Rule> Take(CapturePlan plan, ushort port, RuleAction refuse) => plan.Stage == CaptureStage.Refusing
        ?
        [
            // A proxy that drains has closed its listeners and still has connections. An opening packet is not one of theirs: a connection
            // that has just ended would let it through to the application.
            When(new Return(), new Opening(false), new HasTransparentSocket()),
            When(refuse),
        ]
        : [When(new DeliverTo(port)), When(refuse)];

    private static RuleTable BuildReturnPath(CapturePlan plan) => WithDnsDatagrams(BuildReturnPath(), plan);

    private static RuleTable BuildReturnPath() => new(
        RuleTableKind.Mangle,
        [(RuleHook.Prerouting, Prerouting), (RuleHook.Output, Output)],
        [
            // Only connections the proxy opened; its answers on captured ones are the application's.
            new(Prerouting, [When(new Continue(Loopback), new FromLoopback(), new PacketMark(CaptureMarks.Own), new OriginalDirection())]),
            new(Loopback,
            [
                .. OwnMarkToOwnPorts(),
                When(new SetConnectionMark(CaptureMarks.Return)),
                When(new SetPacketMark(CaptureMarks.Return)),
            ]),
            new(Output,
            [
                When(
                    new SetPacketMark(CaptureMarks.Return),
                    new ConnectionMark(CaptureMarks.Return),
                    new PacketMark(CaptureMarks.Own, false)),
            ]),
        ]);

    private static RuleTable BuildRedirect(CapturePlan plan)
    {
        bool isDraining = plan.Stage == CaptureStage.Draining;
        ImmutableArray<RuleChain>.Builder chains = ImmutableArray.CreateBuilder<RuleChain>();
        ImmutableArray<(RuleHook, string)>.Builder entries = ImmutableArray.CreateBuilder<(RuleHook, string)>();
        if (!plan.BypassInbound)
        {
            entries.Add((RuleHook.Prerouting, RedirectInbound));
            chains.Add(new(RedirectInbound, isDraining
                ? []
                :
                [
                    When(new Return(), new FromLoopback()),
                    .. InboundExclusions(plan),

                    // Also with the proxy's own mark: what comes from outside is nobody of ours, and the proxy refuses it.
                    When(new RedirectTo(CapturePorts.InboundPlaintext), new Opening()),
                ]));
        }

        entries.Add((RuleHook.Output, RedirectOutbound));
        chains.Add(new(RedirectOutbound, isDraining
            ? []
            :
            [
                When(new Return(), new PacketMark(CaptureMarks.Return)),
                When(new Return(), new PacketMark(CaptureMarks.Own)),
                When(new Return(), new ToLoopback()),
                .. OutboundExclusions(plan),

                .. plan.CapturesDns
                    ? [When(new RedirectTo(CapturePorts.Dns), new DestinationPort(DnsPort), new Opening())]
                    : ImmutableArray<Rule>.Empty,

                // Only an opening packet: the first one seen of an older connection comes here too, and must not be translated.
                When(new RedirectTo(CapturePorts.Outbound), new Opening()),
            ]));
        return new(RuleTableKind.Nat, entries.ToImmutable(), chains.ToImmutable());
    }

    /// <summary>
    /// The proxy never connects to its own ports. Whoever does so with its mark keeps the mark, so that the proxy sees it
    /// (tcp_fwmark_accept) and refuses the connection.
    /// </summary>
    private static IEnumerable<Rule> OwnMarkToOwnPorts() =>
    [
        When(new Return(), new DestinationPort(CapturePorts.Outbound)),
        When(new Return(), new DestinationPort(CapturePorts.InboundPlaintext)),
        When(new Return(), new DestinationPort(CapturePorts.Hbone)),
        When(new Return(), new DestinationPort(CapturePorts.Dns)),
    ];

    private static IEnumerable<Rule> InboundExclusions(CapturePlan plan)
    {
        yield return When(new Return(), new DestinationPort(CapturePorts.Hbone));
        foreach (ushort port in plan.ExcludedInboundPorts)
        {
            yield return When(new Return(), new DestinationPort(port));
        }

        foreach (IPNetwork network in plan.ExcludedInboundNetworks)
        {
            yield return When(new Return(), new SourceIn(network));
        }
    }

    private static IEnumerable<Rule> OutboundExclusions(CapturePlan plan)
    {
        foreach (ushort port in plan.ExcludedOutboundPorts)
        {
            yield return When(new Return(), new DestinationPort(port));
        }

        foreach (IPNetwork network in plan.ExcludedOutboundNetworks)
        {
            yield return When(new Return(), new DestinationIn(network));
        }
    }
}
