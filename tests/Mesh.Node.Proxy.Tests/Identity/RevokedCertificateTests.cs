using Mesh.Api.Identity;
using Mesh.Node.Proxy.Config;
using Mesh.Node.Proxy.Identity;
using Mesh.Node.Proxy.Tests.ControlPlane;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Identity;

/// <summary>
/// Goal: a workload whose certificate has been revoked gets another as soon as the list is here, if the authority gives it one, and the
/// authority is not pestered if it does not.
/// </summary>
public sealed class RevokedCertificateTests : IAsyncDisposable
{
    private static readonly TimeSpan s_forever = TimeSpan.FromDays(40);
    private static readonly SpiffeId s_first = SpiffeId.Parse("spiffe://cluster.local/ns/default/sa/first");
    private static readonly SpiffeId s_second = SpiffeId.Parse("spiffe://cluster.local/ns/default/sa/second");

    private readonly FakeTimeProvider _time = new(TimeProvider.System.GetUtcNow());
    private readonly FakeAuthority _authority;
    private readonly CertificateStore _store;

    public RevokedCertificateTests()
    {
        _authority = new FakeAuthority(_time);
        _store = new CertificateStore(_authority, TimeSpan.FromSeconds(10), _time, NullLogger<CertificateStore>.Instance);
    }

    [Fact]
    public async Task It_is_replaced_at_once_and_no_other_is()
    {
        await BothAsync();
        string serial = SerialOf(s_first);
        Revoke(serial);

        FakeAuthority.PendingRequest request = await _authority.NextAsync();
        Assert.Equal(s_first, request.Identity);
        Assert.Equal(CertificateState.Revoked, Status(s_first).State);
        Assert.Equal(CertificateState.Valid, Status(s_second).State);
        request.Grant();
        await TestTime.UntilAsync(() => Status(s_first).State == CertificateState.Valid, "another certificate");
        Assert.NotEqual(serial, SerialOf(s_first));
        Assert.Equal(3, _authority.Requests);

        // The next of them is due at its own half life.
        Assert.InRange(Status(s_first).NextAttempt!.Value - _time.GetUtcNow(), TimeSpan.FromHours(10), TimeSpan.FromHours(14));
    }

    [Fact]
    public async Task An_authority_that_refuses_is_asked_ever_later_whatever_lists_come()
    {
        await BothAsync();
        string serial = SerialOf(s_first);
        Revoke(serial);
        double expectedSeconds = 0.5;
        for (int attempt = 0; attempt < 4; attempt++)
        {
            (await _authority.NextAsync()).Refuse("no pod of it runs here");
            await TestTime.UntilAsync(() => Status(s_first) is { LastError: not null, NextAttempt: not null }, "the refusal to be seen");
            Assert.Equal(CertificateState.Revoked, Status(s_first).State);
            TimeSpan delay = Status(s_first).NextAttempt!.Value - _time.GetUtcNow();
            Assert.InRange(delay.TotalSeconds, expectedSeconds * 0.79, expectedSeconds * 1.21);

            // Lists are signed anew daily, and whenever anything else is revoked.
            Revoke(serial);
            Assert.Equal(delay, Status(s_first).NextAttempt!.Value - _time.GetUtcNow());
            expectedSeconds *= 2;
            _time.Advance(delay);
        }

        (await _authority.NextAsync()).Grant();
        await TestTime.UntilAsync(() => Status(s_first).State == CertificateState.Valid, "another certificate");
    }

    [Fact]
    public async Task One_that_was_revoked_on_its_way_is_replaced_too_and_without_spinning()
    {
        await BothAsync();
        string serial = SerialOf(s_first);
        string[] next = [.. Enumerable.Range(1, 3).Select(after => NextSerial(SerialOf(s_second), after))];
        Revoke([serial, .. next[..2]]);
        for (int attempt = 0; attempt < 2; attempt++)
        {
            (await _authority.NextAsync()).Grant();
            await TestTime.UntilAsync(() => SerialOf(s_first) == next[attempt], "a certificate that is on the list");
            CertificateStatus status = Status(s_first);
            Assert.Equal(CertificateState.Revoked, status.State);
            Assert.Contains("revoked", status.LastError, StringComparison.Ordinal);
            Assert.InRange((status.NextAttempt!.Value - _time.GetUtcNow()).TotalSeconds, 0.39, 1.21);
            _time.Advance(status.NextAttempt.Value - _time.GetUtcNow());
        }

        (await _authority.NextAsync()).Grant();
        await TestTime.UntilAsync(() => Status(s_first).State == CertificateState.Valid, "a certificate that is on no list");
        Assert.Equal(next[2], SerialOf(s_first));
    }

    [Fact]
    public async Task When_the_control_plane_is_back_it_is_asked_at_once()
    {
        await BothAsync();
        Revoke(SerialOf(s_first));
        (await _authority.NextAsync()).Refuse();
        await TestTime.UntilAsync(() => Status(s_first).LastError is not null, "the refusal to be seen");
        _store.RetryNow();

        Assert.Equal(s_first, (await _authority.NextAsync()).Identity);
    }

    public async ValueTask DisposeAsync()
    {
        await _store.DisposeAsync();
        _authority.Dispose();
    }

    private async Task BothAsync()
    {
        foreach (SpiffeId identity in (SpiffeId[])[s_first, s_second])
        {
            _store.SetLocal(new Dictionary<SpiffeId, bool> { [s_first] = false, [s_second] = false });
            Task<TlsContexts?> wait = _store.GetAsync(identity, s_forever);
            (await _authority.NextAsync()).Grant();
            Assert.NotNull(await wait);
        }
    }

    private void Revoke(params IEnumerable<string> serials) => _store.SetTrust(TrustMaterial.Empty with
    {
        RevocationLists = TrustMaterial.Empty.RevocationLists.Add(
            "cluster.local/a", new RevocationListText("cluster.local", _authority.Root.CreateRevocationList(serials))),
    });

    private CertificateStatus Status(SpiffeId identity) => _store.Describe().Single(status => status.Identity.Equals(identity));

    private string SerialOf(SpiffeId identity) => Status(identity).Chain[0].SerialNumber;

    // The test authority counts.
    private static string NextSerial(string serial, int after) => (Convert.ToUInt64(serial, 16) + (ulong)after).ToString("X");
}
