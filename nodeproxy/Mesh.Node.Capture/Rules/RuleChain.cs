using System.Collections.Immutable;

namespace Mesh.Node.Capture.Rules;

/// <summary>Rules in order. A packet that passes them all goes on where the chain was called.</summary>
/// <param name="Name">Upper case, unique over all tables; each back-end adds what marks it as ours.</param>
/// <param name="Rules">The rules.</param>
/// <param name="Protocol">The packets it sees, and no others.</param>
internal sealed record RuleChain(string Name, ImmutableArray<Rule> Rules, RuleProtocol Protocol = RuleProtocol.Tcp);
