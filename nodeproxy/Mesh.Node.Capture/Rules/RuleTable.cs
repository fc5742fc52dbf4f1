using System.Collections.Immutable;

namespace Mesh.Node.Capture.Rules;

/// <summary>
/// The chains of one pass, and where the kernel enters them, with every packet of the chain's protocol and nothing else. At most one chain
/// of each protocol is entered at a hook, that of TCP first.
/// </summary>
internal sealed record RuleTable(
    RuleTableKind Kind, ImmutableArray<(RuleHook Hook, string Chain)> Entries, ImmutableArray<RuleChain> Chains);
