namespace Mesh.Api.Enrolment;

/// <summary>What is known of a pod when it is decided whether it belongs to the mesh.</summary>
/// <param name="Namespace">Where it is.</param>
/// <param name="Label">Its labels by name; null for one it does not have.</param>
/// <param name="Annotation">Its annotations.</param>
/// <param name="NamespaceLabel">The labels of its namespace.</param>
/// <param name="IsHostNetwork">Whether it uses its node's network.</param>
/// <param name="IsFinished">Whether it ran to its end.</param>
/// <param name="ExcludedNamespaces">Those that are never captured, besides <see cref="CaptureRule.SystemNamespace"/>.</param>
public readonly record struct CaptureSubject(
    string Namespace,
    Func<string, string?> Label,
    Func<string, string?> Annotation,
    Func<string, string?> NamespaceLabel,
    bool IsHostNetwork,
    bool IsFinished,
    IReadOnlyCollection<string> ExcludedNamespaces);
