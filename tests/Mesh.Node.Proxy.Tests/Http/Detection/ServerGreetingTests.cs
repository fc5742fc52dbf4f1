using Mesh.Node.Proxy.Http.Detection;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Http.Detection;

public sealed class ServerGreetingTests
{
    [Theory]
    [InlineData("000000040000000000")]
    [InlineData("000012040000000000")]
    [InlineData("00001204")]
    [InlineData("00")]
    public void Settings_and_what_may_become_them_are_known(string hex) =>
        Assert.True(ServerGreeting.MayBeSettings(Convert.FromHexString(hex)));

    [Theory]
    [InlineData("")]
    [InlineData("32323020")] // 220 of SMTP and FTP
    [InlineData("5353482D")] // SSH-
    [InlineData("4A0000000A382E302E")] // MySQL
    [InlineData("000012050000000000")] // another frame
    [InlineData("000012040100000000")] // an acknowledgement, before there is anything to acknowledge
    [InlineData("000012040000000001")] // of a stream
    [InlineData("000013040000000000")] // no whole settings
    public void Nothing_else_is_taken_for_them(string hex) =>
        Assert.False(ServerGreeting.MayBeSettings(Convert.FromHexString(hex)));
}
