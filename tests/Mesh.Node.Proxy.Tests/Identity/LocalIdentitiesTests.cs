using Mesh.Api.Identity;
using Mesh.Node.Proxy.Config;
using Mesh.Node.Proxy.Identity;
using Mesh.Node.Proxy.Tests.ControlPlane;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;
using Workloads = Mesh.Api.Workload;

namespace Mesh.Node.Proxy.Tests.Identity;

public sealed class LocalIdentitiesTests : IAsyncDisposable
{
    private readonly ConfigurationStore _configuration = new(NullLogger<ConfigurationStore>.Instance);
    private readonly ResourceApplier _applier;
    private readonly FakeAuthority _authority = new(TimeProvider.System);
    private readonly CertificateStore _certificates;
    private readonly LocalIdentities _following;

    public LocalIdentitiesTests()
    {
        _applier = new ResourceApplier(_configuration, "istio-system", NullLogger<ResourceApplier>.Instance);
        _certificates = new CertificateStore(_authority, TimeSpan.FromMinutes(1), TimeProvider.System, NullLogger<CertificateStore>.Instance);
        _following = new LocalIdentities(_configuration, _certificates, "node-1");
    }

    [Fact]
    public async Task Tunnelled_workloads_of_this_node_are_asked_for_and_no_others()
    {
        Workloads.Workload plain = Wire.Workload("plain", serviceAccount: "plain");
        plain.TunnelProtocol = Workloads.TunnelProtocol.None;
        Set(Wire.Workload("here", serviceAccount: "here"), Wire.Workload("there", node: "node-2", serviceAccount: "there"), plain);

        Assert.Equal("here", (await _authority.NextAsync()).Identity.ServiceAccount);
        Assert.Equal(["here", "plain"], Known());
        Assert.Equal(1, _authority.Requests);
    }

    [Fact]
    public void An_identity_stays_until_its_last_workload_leaves()
    {
        Set(Wire.Workload("a"), Wire.Workload("b"));
        Remove("a");
        Assert.Equal(["app"], Known());
        Remove("b");
        Assert.Empty(Known());
    }

    [Fact]
    public void A_workload_that_moves_away_takes_its_identity_with_it()
    {
        Set(Wire.Workload("a"));
        Set(Wire.Workload("a", node: "node-2"));

        Assert.Empty(Known());
    }

    [Fact]
    public async Task What_failed_is_tried_again_when_the_control_plane_is_back()
    {
        Set(Wire.Workload("a"));
        (await _authority.NextAsync()).Refuse();
        await TestTime.UntilAsync(() => _certificates.FailedCount == 1, "the failure to be seen");
        _applier.PublishState(isConnected: true);

        Assert.Equal("app", (await _authority.NextAsync()).Identity.ServiceAccount);
    }

    [Fact]
    public async Task Trust_reaches_the_certificates()
    {
        _authority.AnswersAlone = true;
        Set(Wire.Workload("a"));
        SpiffeId identity = _certificates.Describe().Single().Identity;
        Assert.NotNull(await _certificates.GetAsync(identity, TestTime.Patience));
        int changes = 0;
        _certificates.TrustChanged += _ => changes++;
        using var next = new TestAuthority("next");
        var bundle = new Api.Trust.TrustBundle { TrustDomain = "cluster.local", RootCertificatesPem = next.RootPem };
        _applier.Apply(Wire.Response(ResourceTypes.TrustBundle, Wire.Resource(bundle)));

        Assert.Equal(1, changes);
    }

    public async ValueTask DisposeAsync()
    {
        _following.Dispose();
        await _certificates.DisposeAsync();
        _authority.Dispose();
    }

    private IEnumerable<string> Known() => _certificates.Describe().Select(status => status.Identity.ServiceAccount).Order();

    private void Set(params Workloads.Workload[] workloads) =>
        _applier.Apply(Wire.Addresses([.. workloads.Select(workload => Wire.Resource(workload))]));

    private void Remove(string name) => _applier.Apply(Wire.Removal(ResourceTypes.Address, $"Kubernetes//Pod/default/{name}"));
}
