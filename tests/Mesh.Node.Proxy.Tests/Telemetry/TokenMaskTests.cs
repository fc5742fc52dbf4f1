using System.Text;
using Mesh.Node.Proxy.Telemetry.Requests;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Telemetry;

/// <summary>Goal: no token in a query is ever logged, and everything else is, as it was sent.</summary>
public sealed class TokenMaskTests
{
    [Theory]
    [InlineData("/", "/")]
    [InlineData("/access_token=a", "/access_token=a")]
    [InlineData("/?", "/?")]
    [InlineData("/?access_token", "/?access_token")]
    [InlineData("/?access_token=", "/?access_token=")]
    [InlineData("/?access_token=a", "/?access_token=-")]
    [InlineData("/?a=1&access_token=abc&b=2", "/?a=1&access_token=-&b=2")]
    [InlineData("/?access_token=a&&access_token=b&", "/?access_token=-&&access_token=-&")]
    [InlineData("/?t=eyJhbGciOiJub25lIn0.e30.", "/?t=-")]
    [InlineData("/?t=eyAiYSI6MX0.x.y&u=1", "/?t=-&u=1")]
    [InlineData("/?t=ewoiYSI6MX0.x.y&u=1", "/?t=-&u=1")]
    [InlineData("/?eye=eyes&mail=e.y&key.ey=k.ey", "/?eye=eyes&mail=e.y&key.ey=k.ey")]
    public void Values_of_tokens_are_masked(string path, string expected)
    {
        byte[] bytes = Encoding.ASCII.GetBytes(path);
        byte[] masked = new byte[bytes.Length];
        Assert.Equal(path != expected, TokenMask.IsNeeded(bytes));
        Assert.Equal(expected, Encoding.ASCII.GetString(masked, 0, TokenMask.Write(bytes, masked)));
    }
}
