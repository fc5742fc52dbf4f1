using System.Security.Cryptography;
using Grpc.Core;
using Mesh.Api.Certificates;
using Mesh.Node.Proxy.Config;
using Mesh.Node.Proxy.Tests.ControlPlane;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Config;

public sealed class ControlPlaneChannelTests
{
    [Fact]
    public void Only_https_is_spoken() => Assert.Throws<ArgumentException>(() => new ControlPlaneChannel(
        new ControlPlaneOptions { Address = new Uri("http://control:15012"), RootCertificateFile = "r", TokenFile = "t" },
        "c",
        NullLogger<ControlPlaneChannel>.Instance));

    [Fact]
    public async Task The_right_root_and_name_are_accepted()
    {
        await using DiscoveryFixture fixture = await DiscoveryFixture.StartAsync();
        using ControlPlaneChannel channel = fixture.CreateChannel();

        Assert.Equal(StatusCode.PermissionDenied, await CallAsync(channel));
    }

    [Fact]
    public async Task Another_name_is_refused()
    {
        await using DiscoveryFixture fixture = await DiscoveryFixture.StartAsync();
        using ControlPlaneChannel channel = fixture.CreateChannel("somebody-else");

        Assert.Equal(StatusCode.Internal, await CallAsync(channel));
    }

    [Fact]
    public async Task Without_a_name_the_address_is_the_name()
    {
        await using DiscoveryFixture fixture = await DiscoveryFixture.StartAsync();
        using ControlPlaneChannel channel = fixture.CreateChannel(serverName: null);

        Assert.Equal(StatusCode.Internal, await CallAsync(channel));
    }

    [Fact]
    public async Task Another_root_is_refused_until_the_file_says_otherwise()
    {
        await using DiscoveryFixture fixture = await DiscoveryFixture.StartAsync();
        using ControlPlaneChannel channel = fixture.CreateChannel();
        using var stranger = new TestAuthority("stranger");
        fixture.WriteRoots(stranger.RootPem);
        Assert.Equal(StatusCode.Internal, await CallAsync(channel));

        fixture.WriteRoots(stranger.RootPem + "\n" + fixture.Authority.RootPem);
        Assert.Equal(StatusCode.PermissionDenied, await CallAsync(channel));
    }

    [Fact]
    public async Task A_root_file_that_breaks_leaves_the_channel_as_it_was()
    {
        await using DiscoveryFixture fixture = await DiscoveryFixture.StartAsync();
        using ControlPlaneChannel channel = fixture.CreateChannel();
        Assert.Equal(StatusCode.PermissionDenied, await CallAsync(channel));

        fixture.WriteRoots("half a certi");
        Assert.Equal(StatusCode.PermissionDenied, await CallAsync(channel));
        File.Delete(fixture.RootFile);
        Assert.Equal(StatusCode.PermissionDenied, await CallAsync(channel));
    }

    [Fact]
    public async Task Without_any_usable_root_file_there_is_no_channel()
    {
        await using DiscoveryFixture fixture = await DiscoveryFixture.StartAsync();
        using ControlPlaneChannel channel = fixture.CreateChannel();
        fixture.WriteRoots("nothing");
        await Assert.ThrowsAnyAsync<CryptographicException>(() => channel.OpenAsync(TestContext.Current.CancellationToken));
        File.Delete(fixture.RootFile);
        await Assert.ThrowsAnyAsync<IOException>(() => channel.OpenAsync(TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData("token", "Bearer token")]
    [InlineData("  token\r\n", "Bearer token")]
    public async Task The_token_is_read_anew_for_each_call(string file, string expected)
    {
        await using DiscoveryFixture fixture = await DiscoveryFixture.StartAsync();
        using ControlPlaneChannel channel = fixture.CreateChannel();
        Assert.Equal("Bearer first-token", (await channel.AuthorizeAsync(TestContext.Current.CancellationToken)).GetValue("authorization"));
        fixture.WriteToken(file);
        Assert.Equal(expected, (await channel.AuthorizeAsync(TestContext.Current.CancellationToken)).GetValue("authorization"));
    }

    [Theory]
    [InlineData("")]
    [InlineData(" \n")]
    [InlineData("two\nlines")]
    [InlineData("tök")]
    public async Task What_is_no_token_is_not_sent(string file)
    {
        await using DiscoveryFixture fixture = await DiscoveryFixture.StartAsync();
        using ControlPlaneChannel channel = fixture.CreateChannel();
        fixture.WriteToken(file);

        IOException exception = await Assert.ThrowsAsync<IOException>(() => channel.AuthorizeAsync(TestContext.Current.CancellationToken));
        Assert.Contains(fixture.TokenFile, exception.Message, StringComparison.Ordinal);
    }

    private static async Task<StatusCode> CallAsync(ControlPlaneChannel channel)
    {
        CallInvoker invoker = await channel.OpenAsync(TestContext.Current.CancellationToken);
        var client = new IstioCertificateService.IstioCertificateServiceClient(invoker);
        RpcException exception = await Assert.ThrowsAsync<RpcException>(
            () => client.CreateCertificateAsync(new IstioCertificateRequest(), cancellationToken: TestContext.Current.CancellationToken).ResponseAsync);
        return exception.StatusCode;
    }
}
