using Mesh.Node.Proxy.Telemetry.Requests;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Telemetry.Requests;

public sealed class ResponseFlagTests
{
    [Fact]
    public void Flags_are_single_bits_from_the_lowest_on_each_with_a_text_of_its_own()
    {
        ResponseFlag[] flags = [.. Enum.GetValues<ResponseFlag>().Where(flag => flag != ResponseFlag.None)];
        Assert.Equal(Enumerable.Range(0, flags.Length).Select(bit => 1 << bit), flags.Select(flag => (int)flag));
        Assert.Equal(flags.Length, ResponseFlagTexts.Count);
        Assert.Equal(flags.Length, flags.Select(ResponseFlagTexts.Of).Distinct(StringComparer.Ordinal).Count());
    }

    [Theory]
    [InlineData(ResponseFlag.None, "-")]
    [InlineData(ResponseFlag.NoHealthyUpstream, "UH")]
    [InlineData(ResponseFlag.UpstreamConnectionFailure, "UF")]
    [InlineData(ResponseFlag.UpstreamOverflow, "UO")]
    [InlineData(ResponseFlag.NoRouteFound, "NR")]
    [InlineData(ResponseFlag.UpstreamRetryLimitExceeded, "URX")]
    [InlineData(ResponseFlag.UpstreamRequestTimeout, "UT")]
    [InlineData(ResponseFlag.UpstreamConnectionTermination, "UC")]
    [InlineData(ResponseFlag.UpstreamRemoteReset, "UR")]
    [InlineData(ResponseFlag.LocalReset, "LR")]
    [InlineData(ResponseFlag.FailedLocalHealthCheck, "LH")]
    [InlineData(ResponseFlag.DownstreamConnectionTermination, "DC")]
    [InlineData(ResponseFlag.DelayInjected, "DI")]
    [InlineData(ResponseFlag.FaultInjected, "FI")]
    [InlineData(ResponseFlag.RateLimited, "RL")]
    [InlineData(ResponseFlag.UnauthorizedExternalService, "UAEX")]
    [InlineData(ResponseFlag.InvalidRequestHeaders, "IH")]
    [InlineData(ResponseFlag.StreamIdleTimeout, "SI")]
    [InlineData(ResponseFlag.DownstreamProtocolError, "DPE")]
    [InlineData(ResponseFlag.UpstreamProtocolError, "UPE")]
    [InlineData(ResponseFlag.OverloadManager, "OM")]
    [InlineData(ResponseFlag.NoClusterFound, "NC")]
    [InlineData(ResponseFlag.UpstreamMaxStreamDurationReached, "UMSDR")]
    [InlineData(ResponseFlag.DurationTimeout, "DT")]
    [InlineData(ResponseFlag.DownstreamRemoteReset, "DR")]
    [InlineData(ResponseFlag.UpstreamRetryLimitExceeded | ResponseFlag.UpstreamConnectionFailure | ResponseFlag.DelayInjected, "UF,DI,URX")]
    public void Texts_are_Envoys(ResponseFlag flags, string text) => Assert.Equal(text, ResponseFlagTexts.Of(flags));
}
