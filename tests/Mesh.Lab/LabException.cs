namespace Mesh.Lab;

/// <summary>
/// Something the user of the lab can mend. The message says what is wrong and, where it can, what to do; it is shown as it is.
/// </summary>
public sealed class LabException : Exception
{
    public LabException()
    {
    }

    public LabException(string message)
        : base(message)
    {
    }

    public LabException(string message, Exception inner)
        : base(message, inner)
    {
    }

    /// <summary>One error out of several: every problem on a line of its own.</summary>
    public static LabException FromProblems(string heading, IReadOnlyCollection<string> problems)
    {
        return new LabException(string.Join(Environment.NewLine, problems.Select(problem => "  " + problem).Prepend(heading)));
    }
}
