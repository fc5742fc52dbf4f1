namespace Mesh.Node.Capture.Agent;

/// <summary>What a turn of looking after a pod has come to. Immutable.</summary>
/// <param name="Turn">Which turn; each looks at the namespace anew.</param>
/// <param name="Path">Where it looked for the namespace.</param>
/// <param name="NetworkId">The namespace, in which the rules are right; null where something is wrong with it.</param>
/// <param name="IsServed">Whether the proxy has said that it listens, and the rules deliver to it.</param>
/// <param name="Problems">What is missing.</param>
internal sealed record PodOutcome(
    int Turn, string Path, (ulong Device, ulong Inode)? NetworkId, bool IsServed, IReadOnlyList<string> Problems);
