namespace Mesh.Control.Cli;

/// <summary>Where a command reads and writes.</summary>
/// <param name="Output">What was asked for.</param>
/// <param name="Errors">What stands in the way.</param>
/// <param name="Input">What is piped in.</param>
/// <param name="IsInteractive">Whether a person looks at the output, and colours help.</param>
internal sealed record Terminal(TextWriter Output, TextWriter Errors, Stream Input, bool IsInteractive);
