using Mesh.Node.Capture.Agent;
using Xunit;

namespace Mesh.Node.Capture.Tests.Agent;

public sealed class AgentLockTests : IDisposable
{
    private readonly string _path = Path.Combine(Path.GetTempPath(), $"mesh-agent-{Guid.NewGuid():N}.lock");

    public void Dispose() => File.Delete(_path);

    [Fact]
    public void One_agent_holds_it_and_nobody_but_its_user_can()
    {
        using (AgentLock held = AgentLock.Take(_path))
        {
            CaptureException refused = Assert.Throws<CaptureException>(() => AgentLock.Take(_path));
            Assert.Contains("another agent", refused.Message, StringComparison.Ordinal);
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(_path));
        }

        using AgentLock next = AgentLock.Take(_path);
    }
}
