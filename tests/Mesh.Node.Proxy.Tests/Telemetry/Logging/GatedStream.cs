using Xunit;

namespace Mesh.Node.Proxy.Tests.Telemetry.Logging;

/// <summary>Takes no byte until it is opened.</summary>
internal sealed class GatedStream : MemoryStream
{
    private readonly ManualResetEventSlim _arrived = new();
    private readonly ManualResetEventSlim _gate = new();

    public int Lines => ToArray().Count(value => value == '\n');

    public void WaitForWriter() => Assert.True(_arrived.Wait(TimeSpan.FromSeconds(60)));

    public void Open() => _gate.Set();

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        _arrived.Set();
        _gate.Wait();
        base.Write(buffer);
    }
}
