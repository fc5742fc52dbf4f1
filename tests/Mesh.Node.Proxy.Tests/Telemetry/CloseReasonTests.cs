using Mesh.Node.Proxy.Telemetry;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Telemetry;

public sealed class CloseReasonTests
{
    public static TheoryData<CloseReason> Reasons => [.. Enum.GetValues<CloseReason>()];

    [Fact]
    public void Values_are_contiguous_from_zero_so_that_tables_can_be_indexed_by_them()
    {
        CloseReason[] values = Enum.GetValues<CloseReason>();
        Assert.Equal(Enumerable.Range(0, values.Length), values.Select(value => (int)value));
        Assert.Equal(values.Length, CloseReasons.Count);
        Assert.Equal(Enum.GetValues<ResponseFlags>().Length, CloseReasons.FlagsCount);
        Assert.Equal(ConnectionPaths.Count, Enum.GetValues<ConnectionPath>().Length);
    }

    [Theory]
    [MemberData(nameof(Reasons))]
    public void Every_reason_has_its_name_kind_and_flags(CloseReason reason)
    {
        Assert.Equal(Enum.GetName(reason), CloseReasons.Name(reason));
        Assert.True(Enum.IsDefined(CloseReasons.Kind(reason)));
        Assert.True(Enum.IsDefined(CloseReasons.Flags(reason)));
    }

    [Theory]
    [MemberData(nameof(Reasons))]
    public void Nothing_that_we_refused_looks_like_success_in_the_metrics(CloseReason reason)
    {
        if (CloseReasons.Kind(reason) == CloseKind.Refused)
        {
            Assert.NotEqual(ResponseFlags.None, CloseReasons.Flags(reason));
        }

        if (CloseReasons.Kind(reason) == CloseKind.Ended)
        {
            Assert.Equal(ResponseFlags.None, CloseReasons.Flags(reason));
        }
    }

    [Theory]
    [InlineData(CloseReason.Completed, "-")]
    [InlineData(CloseReason.ClientReset, "-")]
    [InlineData(CloseReason.PolicyDenied, "DENY")]
    [InlineData(CloseReason.PolicyRevoked, "DENY")]
    [InlineData(CloseReason.TunnelDenied, "DENY")]
    [InlineData(CloseReason.ConnectRefused, "CONNECT")]
    [InlineData(CloseReason.WaypointUnsupported, "CONNECT")]
    [InlineData(CloseReason.HandshakeFailed, "TLS_FAILURE")]
    [InlineData(CloseReason.Http2HandshakeFailed, "H2_HANDSHAKE_FAILURE")]
    [InlineData(CloseReason.TunnelConnectTimeout, "NETWORK_POLICY")]
    [InlineData(CloseReason.WrongTrustDomain, "IDENTITY_ERROR")]
    [InlineData(CloseReason.PeerCertificateRevoked, "CERT_REVOKED")]
    public void Flags_are_the_ones_that_istio_dashboards_know(CloseReason reason, string flags) =>
        Assert.Equal(flags, CloseReasons.Text(CloseReasons.Flags(reason)));

    [Fact]
    public void A_reason_outside_the_table_is_an_error_and_no_silent_default() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => CloseReasons.Kind((CloseReason)CloseReasons.Count));
}
