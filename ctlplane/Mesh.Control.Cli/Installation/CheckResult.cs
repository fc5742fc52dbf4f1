namespace Mesh.Control.Cli.Installation;

/// <summary>How a condition of running the mesh stands.</summary>
internal enum CheckState
{
    Ok,

    /// <summary>The mesh can be installed, and something of it may not be as expected.</summary>
    Warn,

    /// <summary>The mesh would not work.</summary>
    Fail,
}

/// <param name="State">How it stands.</param>
/// <param name="About">What was looked at.</param>
/// <param name="Says">What was found.</param>
/// <param name="Advice">What to do; empty where nothing is to be done.</param>
internal sealed record CheckResult(CheckState State, string About, string Says, string Advice)
{
    public static CheckResult Ok(string about, string says) => new(CheckState.Ok, about, says, string.Empty);

    public static CheckResult Warn(string about, string says, string advice) => new(CheckState.Warn, about, says, advice);

    public static CheckResult Fail(string about, string says, string advice) => new(CheckState.Fail, about, says, advice);
}
