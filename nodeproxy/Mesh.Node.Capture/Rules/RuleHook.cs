namespace Mesh.Node.Capture.Rules;

/// <summary>Where in a packet's way a table looks at it.</summary>
internal enum RuleHook
{
    Prerouting,
    Input,
    Output,
}
