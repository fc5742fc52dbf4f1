using System.Net;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Proxy.Hbone;
using Mesh.Node.Proxy.Http.Detection;
using Mesh.Node.Proxy.Tests.Telemetry;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Http.Detection;

public sealed class BeginningTests
{
    [Fact]
    public void What_one_proxy_says_of_a_client_the_other_reads()
    {
        foreach (Beginning beginning in Enum.GetValues<Beginning>())
        {
            HeaderList written = ConnectRequest.Write(
                new HeaderList(),
                IPEndPoint.Parse("10.0.0.2:8080"),
                IPEndPoint.Parse("10.0.0.1:40000"),
                TestMesh.Cart,
                TestMesh.StockService,
                beginning);
            Assert.Equal(beginning != Beginning.Unknown, written.TryGet(Beginnings.FieldName, out _));
            Assert.Equal(beginning, ConnectRequest.Read(written).Beginning);
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("H2")]
    [InlineData("http/1.1 ")]
    [InlineData("silence-expected, other")]
    public void What_has_no_meaning_says_nothing(string text) =>
        Assert.Equal(Beginning.Unknown, Beginnings.Parse(System.Text.Encoding.ASCII.GetBytes(text)));
}
