using Mesh.Testing;

namespace Mesh.Node.Capture.Tests.Lab;

/// <summary>Waits, with the patience these tests have, for what another thread or process brings about.</summary>
internal static class Wait
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(120);

    public static Task UntilAsync(Func<bool> condition, string expectation) => Eventually.TrueAsync(condition, s_limit, expectation);

    public static Task UntilAsync(Func<Task<bool>> condition, string expectation) => Eventually.TrueAsync(condition, s_limit, expectation);
}
