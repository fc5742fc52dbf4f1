using System.Text;
using Mesh.Node.Proxy.Http.Grpc;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Http.Grpc;

/// <summary>Goal: what a client of gRPC says of its patience is read as gRPC's protocol says, and nothing else is.</summary>
public sealed class GrpcTimeoutTests
{
    [Theory]
    [InlineData("1H", 3_600_000_000)]
    [InlineData("2M", 120_000_000)]
    [InlineData("3S", 3_000_000)]
    [InlineData("250m", 250_000)]
    [InlineData("00000017u", 17)]
    [InlineData("99999999n", 99_999)]
    [InlineData("0S", 0)]
    [InlineData("99999999H", 359_999_996_400_000_000)]
    public void A_timeout_is_read(string text, long microseconds)
    {
        Assert.True(GrpcTimeout.TryParse(Encoding.ASCII.GetBytes(text), out TimeSpan timeout));
        Assert.Equal(microseconds, (long)timeout.TotalMicroseconds);
    }

    [Theory]
    [InlineData("")]
    [InlineData("S")]
    [InlineData("1")]
    [InlineData("1s")]
    [InlineData("-1S")]
    [InlineData("+1S")]
    [InlineData(" 1S")]
    [InlineData("1 S")]
    [InlineData("1.5S")]
    [InlineData("123456789n")]
    public void What_is_none_is_not(string text) => Assert.False(GrpcTimeout.TryParse(Encoding.ASCII.GetBytes(text), out _));
}
