using Mesh.Api.Identity;
using Mesh.Node.Proxy.Config;
using Mesh.Node.Proxy.Identity;
using Mesh.Node.Proxy.Tests.ControlPlane;
using Mesh.Testing;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Identity;

public sealed class CertificateStoreTests : IAsyncDisposable
{
    private static readonly TimeSpan s_forever = TimeSpan.FromDays(40);
    private static readonly SpiffeId s_first = Id("first");
    private static readonly SpiffeId s_second = Id("second");

    private readonly FakeTimeProvider _time = new(TimeProvider.System.GetUtcNow());
    private readonly FakeAuthority _authority;
    private readonly CertificateStore _store;

    public CertificateStoreTests()
    {
        _authority = new FakeAuthority(_time);
        _store = new CertificateStore(_authority, TimeSpan.FromSeconds(10), _time, NullLogger<CertificateStore>.Instance);
    }

    [Fact]
    public async Task An_identity_wanted_early_is_asked_for_before_anything_needs_it()
    {
        SetLocal(early: [s_first]);
        (await _authority.NextAsync()).Grant();

        TlsContexts? contexts = await _store.GetAsync(s_first, s_forever);
        Assert.NotNull(contexts);
        Assert.True(contexts.Server.IsServer);
        Assert.False(contexts.Client.IsServer);
        Assert.True(_store.TryGet(s_first, out TlsContexts? same));
        Assert.Same(contexts, same);
        Assert.NotNull(_store.FindTrust(s_first.TrustDomain));
    }

    [Fact]
    public async Task Other_local_identities_are_asked_for_at_their_first_use()
    {
        SetLocal(late: [s_first]);
        Assert.False(_store.TryGet(s_first, out _));
        Assert.Equal(0, _authority.Requests);
        Task<TlsContexts?> wait = _store.GetAsync(s_first, s_forever);
        (await _authority.NextAsync()).Grant();

        Assert.NotNull(await wait);
    }

    [Fact]
    public async Task Identities_of_no_local_workload_are_never_asked_for()
    {
        Task<TlsContexts?> wait = _store.GetAsync(s_first, TimeSpan.FromSeconds(5));
        _time.Advance(TimeSpan.FromSeconds(6));

        Assert.Null(await wait);
        Assert.Equal(0, _authority.Requests);
    }

    [Fact]
    public async Task A_connection_may_know_a_new_workload_a_moment_before_the_store_does()
    {
        Task<TlsContexts?> wait = _store.GetAsync(s_first, s_forever);
        SetLocal(late: [s_second]);
        SetLocal(late: [s_first]);
        (await _authority.NextAsync()).Grant();

        Assert.NotNull(await wait);
    }

    [Fact]
    public async Task A_wait_ends_with_its_patience_and_the_request_goes_on()
    {
        SetLocal(late: [s_first]);
        Task<TlsContexts?> wait = _store.GetAsync(s_first, TimeSpan.FromSeconds(5));
        FakeAuthority.PendingRequest request = await _authority.NextAsync();
        _time.Advance(TimeSpan.FromSeconds(6));
        Assert.Null(await wait);
        request.Grant();

        Assert.NotNull(await _store.GetAsync(s_first, s_forever));
    }

    [Fact]
    public async Task One_request_serves_all_who_wait()
    {
        SetLocal(early: [s_first]);
        Task<TlsContexts?>[] waits = [.. Enumerable.Range(0, 100).Select(_ => _store.GetAsync(s_first, s_forever))];
        (await _authority.NextAsync()).Grant();

        Assert.Single((await Task.WhenAll(waits)).Distinct());
        Assert.Equal(1, _authority.Requests);
    }

    [Fact]
    public async Task At_most_eight_requests_run_at_once_and_who_waits_goes_first()
    {
        SpiffeId[] identities = [.. Enumerable.Range(0, 30).Select(index => Id($"sa-{index}"))];
        SetLocal(early: identities);
        await TestTime.UntilAsync(() => _authority.Pending == 8, "eight requests");
        Task<TlsContexts?> wait = _store.GetAsync(identities[29], s_forever);
        Assert.Equal(8, _authority.Pending);

        (await _authority.NextAsync()).Grant();
        await TestTime.UntilAsync(() => _authority.Pending == 8, "the next request");
        for (int rest = 0; rest < 7; rest++)
        {
            Assert.NotEqual(identities[29], (await _authority.NextAsync()).Identity);
        }

        FakeAuthority.PendingRequest promoted = await _authority.NextAsync();
        Assert.Equal(identities[29], promoted.Identity);
        promoted.Grant();
        Assert.NotNull(await wait);
    }

    [Fact]
    public async Task A_certificate_is_renewed_at_half_its_life_and_the_old_one_serves_meanwhile()
    {
        TlsContexts first = await FirstAsync(s_first);
        _time.Advance(TimeSpan.FromHours(10.7));
        Assert.Equal(1, _authority.Requests);
        _time.Advance(TimeSpan.FromHours(2.6));
        FakeAuthority.PendingRequest renewal = await _authority.NextAsync();
        Assert.True(_store.TryGet(s_first, out TlsContexts? meanwhile));
        Assert.Same(first, meanwhile);
        renewal.Grant();

        await TestTime.UntilAsync(() => _store.TryGet(s_first, out TlsContexts? now) && now != first, "the renewed certificate");
        Assert.Equal(2, _store.IssuedCount);
    }

    [Fact]
    public async Task Every_renewal_has_a_new_key()
    {
        SetLocal(early: [s_first]);
        FakeAuthority.PendingRequest first = await _authority.NextAsync();
        first.Grant();
        await _store.GetAsync(s_first, s_forever);
        await UntilRenewalIsDueAsync(s_first);
        _time.Advance(TimeSpan.FromHours(14));

        Assert.NotEqual(first.RequestPem, (await _authority.NextAsync()).RequestPem);
    }

    [Fact]
    public async Task Failures_are_tried_again_ever_later_and_a_valid_certificate_outlives_them()
    {
        TlsContexts first = await FirstAsync(s_first);
        _time.Advance(TimeSpan.FromHours(14));
        double expectedSeconds = 0.5;
        for (int attempt = 0; attempt < 10; attempt++)
        {
            (await _authority.NextAsync()).Refuse("closed");
            await TestTime.UntilAsync(() => Status(s_first) is { LastError: "closed", NextAttempt: not null }, "the failure to be seen");
            TimeSpan delay = Status(s_first).NextAttempt!.Value - _time.GetUtcNow();
            Assert.InRange(delay.TotalSeconds, expectedSeconds * 0.79, expectedSeconds * 1.21);
            Assert.True(_store.TryGet(s_first, out TlsContexts? still));
            Assert.Same(first, still);
            expectedSeconds = Math.Min(expectedSeconds * 2, 150);
            _time.Advance(delay);
        }

        (await _authority.NextAsync()).Grant();
        await TestTime.UntilAsync(() => Status(s_first).LastError is null, "the success after failures");
        Assert.Equal(10, _store.FailedCount);
    }

    [Fact]
    public async Task An_expired_certificate_is_not_used_and_the_next_wait_gets_a_new_one()
    {
        await FirstAsync(s_first);
        _time.Advance(TimeSpan.FromHours(25));
        Assert.False(_store.TryGet(s_first, out _));
        Assert.Equal(CertificateState.Expired, Status(s_first).State);
        Task<TlsContexts?> wait = _store.GetAsync(s_first, s_forever);
        (await _authority.NextAsync()).Grant();

        Assert.NotNull(await wait);
        Assert.Equal(CertificateState.Valid, Status(s_first).State);
    }

    [Fact]
    public async Task Connections_that_come_between_attempts_do_not_make_attempts()
    {
        SetLocal(early: [s_first]);
        (await _authority.NextAsync()).Refuse();
        await TestTime.UntilAsync(() => Status(s_first).State == CertificateState.Unavailable, "the failure to be seen");
        for (int connection = 0; connection < 20; connection++)
        {
            _ = _store.GetAsync(s_first, s_forever);
        }

        Assert.Equal(1, _authority.Requests);
        _time.Advance(TimeSpan.FromSeconds(1));
        (await _authority.NextAsync()).Grant();
        Assert.NotNull(await _store.GetAsync(s_first, s_forever));
    }

    [Fact]
    public async Task When_the_control_plane_is_back_what_has_nothing_is_tried_at_once()
    {
        TlsContexts valid = await FirstAsync(s_first);
        SetLocal(early: [s_first, s_second]);
        (await _authority.NextAsync()).Refuse();
        await TestTime.UntilAsync(() => Status(s_second).LastError is not null, "the failure to be seen");
        _store.RetryNow();
        FakeAuthority.PendingRequest retried = await _authority.NextAsync();

        Assert.Equal(s_second, retried.Identity);
        retried.Grant();
        Assert.NotNull(await _store.GetAsync(s_second, s_forever));
        Assert.Equal(3, _authority.Requests);
        Assert.True(_store.TryGet(s_first, out TlsContexts? same));
        Assert.Same(valid, same);
    }

    [Fact]
    public async Task An_authority_that_does_not_answer_is_a_failure_after_the_time_limit()
    {
        SetLocal(early: [s_first]);
        await _authority.NextAsync();
        _time.Advance(TimeSpan.FromSeconds(11));

        await TestTime.UntilAsync(() => Status(s_first).LastError is not null, "the time limit");
        Assert.Contains("in time", Status(s_first).LastError, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_answer_that_is_not_what_was_asked_for_is_a_failure()
    {
        SetLocal(early: [s_first]);
        FakeAuthority.PendingRequest request = await _authority.NextAsync();
        request.Give([.. _authority.Sign(request.RequestPem, s_second.ToString())]);

        await TestTime.UntilAsync(() => Status(s_first).LastError is not null, "the refusal");
        Assert.Contains(s_second.ToString(), Status(s_first).LastError, StringComparison.Ordinal);
        Assert.False(_store.TryGet(s_first, out _));
    }

    [Fact]
    public async Task Roots_nobody_can_use_are_a_failure()
    {
        SetLocal(early: [s_first]);
        FakeAuthority.PendingRequest request = await _authority.NextAsync();
        request.Give(_authority.Sign(request.RequestPem, s_first.ToString())[0], "no roots");

        await TestTime.UntilAsync(() => Status(s_first).LastError is not null, "the refusal");
        Assert.Contains("roots", Status(s_first).LastError, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_identity_that_leaves_is_forgotten_with_whoever_waits_for_it()
    {
        await FirstAsync(s_first);
        SetLocal(early: [s_second]);
        Assert.False(_store.TryGet(s_first, out _));
        Assert.DoesNotContain(_store.Describe(), status => status.Identity.Equals(s_first));

        Task<TlsContexts?> wait = _store.GetAsync(s_second, s_forever);
        FakeAuthority.PendingRequest late = await _authority.NextAsync();
        SetLocal();
        Assert.Null(await wait);
        late.Grant();
        await TestTime.UntilAsync(() => late.Answer.Task.IsCompleted, "the late answer");
        Assert.Empty(_store.Describe());

        // Nothing of the forgotten is renewed.
        _time.Advance(TimeSpan.FromHours(30));
        Assert.Equal(2, _authority.Requests);
    }

    [Fact]
    public async Task Trust_from_the_control_plane_goes_before_what_came_with_certificates()
    {
        TlsContexts before = await FirstAsync(s_first);
        var told = new List<TrustDomain>();
        _store.TrustChanged += told.Add;
        using var next = new TestAuthority("next");
        Mesh.Interop.OpenSsl.TlsTrust? trustBefore = _store.FindTrust(s_first.TrustDomain);
        _store.SetTrust(Bundle(next.RootPem));

        Assert.Equal([s_first.TrustDomain], told);
        Assert.NotSame(trustBefore, _store.FindTrust(s_first.TrustDomain));
        Assert.True(_store.TryGet(s_first, out TlsContexts? after));
        Assert.NotSame(before, after);

        // The same again changes nothing.
        _store.SetTrust(Bundle(next.RootPem));
        Assert.Single(told);
        Assert.True(_store.TryGet(s_first, out TlsContexts? same));
        Assert.Same(after, same);
    }

    [Fact]
    public async Task Trust_nobody_can_use_leaves_what_was_good()
    {
        TlsContexts before = await FirstAsync(s_first);
        _store.SetTrust(Bundle("no certificate"));

        Assert.True(_store.TryGet(s_first, out TlsContexts? after));
        Assert.Same(before, after);
    }

    [Fact]
    public async Task New_roots_that_come_with_a_certificate_reach_every_identity_of_the_trust_domain()
    {
        TlsContexts first = await FirstAsync(s_first);
        using TestAuthority old = _authority.Root;
        _authority.Root = new TestAuthority("rotated");
        SetLocal(early: [s_first, s_second]);
        (await _authority.NextAsync()).Grant();
        await _store.GetAsync(s_second, s_forever);

        Assert.True(_store.TryGet(s_first, out TlsContexts? after));
        Assert.NotSame(first, after);
    }

    [Fact]
    public async Task A_description_shows_chains_and_never_a_key()
    {
        await FirstAsync(s_first);
        CertificateStatus status = Assert.Single(_store.Describe());

        Assert.Equal((s_first, CertificateState.Valid), (status.Identity, status.State));
        Assert.Equal(s_first.ToString(), status.Chain[0].Name);
        Assert.InRange(status.NextAttempt!.Value, _time.GetUtcNow().AddHours(10.7), _time.GetUtcNow().AddHours(13.3));
        Assert.DoesNotContain("PRIVATE KEY", status.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Very_short_lives_are_renewed_in_time_and_without_spinning()
    {
        _authority.Lifetime = TimeSpan.FromSeconds(2);
        await FirstAsync(s_first);

        TimeSpan untilRenewal = Status(s_first).NextAttempt!.Value - _time.GetUtcNow();
        Assert.InRange(untilRenewal.TotalSeconds, 0.4, 1.2);
    }

    [Fact]
    public async Task Very_long_lives_do_not_exceed_what_a_timer_can_wait()
    {
        _authority.Lifetime = TimeSpan.FromDays(3_000);
        await FirstAsync(s_first);

        Assert.Null(Status(s_first).LastError);
        Assert.InRange(Status(s_first).NextAttempt!.Value - _time.GetUtcNow(), TimeSpan.FromDays(25), TimeSpan.FromDays(31));
    }

    [Fact]
    public async Task Finding_a_certificate_allocates_nothing()
    {
        await FirstAsync(s_first);
        Assert.True(_store.TryGet(s_first, out _));

        Assert.Equal(0, SteadyState.AllocatedBytes(FindOften));
    }

    public async ValueTask DisposeAsync()
    {
        await _store.DisposeAsync();
        _authority.Dispose();
    }

    private void FindOften()
    {
        for (int round = 0; round < 1_000; round++)
        {
            _store.TryGet(s_first, out _);
        }
    }

    private static SpiffeId Id(string serviceAccount) => SpiffeId.Parse($"spiffe://cluster.local/ns/default/sa/{serviceAccount}");

    private static TrustMaterial Bundle(string rootsPem) =>
        TrustMaterial.Empty with { RootsPem = TrustMaterial.Empty.RootsPem.Add("cluster.local", rootsPem) };

    private void SetLocal(SpiffeId[]? early = null, SpiffeId[]? late = null)
    {
        var local = (late ?? []).ToDictionary(identity => identity, _ => false);
        foreach (SpiffeId identity in early ?? [])
        {
            local[identity] = true;
        }

        _store.SetLocal(local);
    }

    private async Task<TlsContexts> FirstAsync(SpiffeId identity)
    {
        SetLocal(early: [identity]);
        (await _authority.NextAsync()).Grant();
        TlsContexts? contexts = await _store.GetAsync(identity, s_forever);
        Assert.NotNull(contexts);
        await UntilRenewalIsDueAsync(identity);
        return contexts;
    }

    // A certificate can be had before its timer runs, and time that passes in between is not seen by it.
    private Task UntilRenewalIsDueAsync(SpiffeId identity) =>
        TestTime.UntilAsync(() => Status(identity).NextAttempt is not null, "the renewal to be timed");

    private CertificateStatus Status(SpiffeId identity) => _store.Describe().Single(status => status.Identity.Equals(identity));
}
