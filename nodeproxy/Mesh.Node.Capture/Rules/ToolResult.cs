namespace Mesh.Node.Capture.Rules;

/// <summary>How a tool ended.</summary>
/// <param name="Command">The tool and its arguments, for messages.</param>
/// <param name="Status">Its exit status.</param>
/// <param name="Output">What it printed.</param>
/// <param name="Errors">What it complained of, without the final line break.</param>
internal sealed record ToolResult(string Command, int Status, string Output, string Errors)
{
    /// <summary>What it printed, when it succeeded.</summary>
    /// <exception cref="CaptureException">It failed; the message has its words.</exception>
    public string OutputOrThrow() =>
        Status == 0
            ? Output
            : throw new CaptureException($"{Command} failed with status {Status}: {(Errors.Length > 0 ? Errors : "no message")}");
}
