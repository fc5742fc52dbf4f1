using System.Collections.Immutable;

namespace Mesh.Node.Capture.Rules;

/// <summary>The chains of one pass, and where the kernel enters them, with every TCP packet and nothing else.</summary>
internal sealed record RuleTable(
    RuleTableKind Kind, ImmutableArray<(RuleHook Hook, string Chain)> Entries, ImmutableArray<RuleChain> Chains);
