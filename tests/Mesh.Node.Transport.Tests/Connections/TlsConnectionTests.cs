using Mesh.Node.Transport.Connections;
using Mesh.Node.Transport.Tests.Tls;
using Xunit;

namespace Mesh.Node.Transport.Tests.Connections;

public sealed class TlsConnectionTests(TlsLab lab) : ConnectionContract, IClassFixture<TlsLab>
{
    protected override Task RunAsync(ConnectionOptions options, Func<IConnectionEnds, ValueTask> body) =>
        TcpConnectionTests.RunAsync(options, lab, ends => body(ends));
}
