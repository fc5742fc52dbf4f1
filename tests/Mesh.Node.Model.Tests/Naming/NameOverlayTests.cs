using System.Net;
using Mesh.Node.Model.Balancing;
using Mesh.Node.Model.Naming;
using Mesh.Node.Model.Workloads;
using Xunit;

namespace Mesh.Node.Model.Tests.Naming;

public sealed class NameOverlayTests
{
    private static readonly Service s_service = Some.Service("api", "10.96.0.9");
    private static readonly Workload s_client = Some.Workload("client", "10.0.0.9");
    private readonly Dictionary<string, NameAnswer> _answers = new(StringComparer.Ordinal);
    private readonly NameOverlay _overlay = new();

    [Fact]
    public void Every_address_of_a_name_is_an_endpoint_of_its_own()
    {
        MeshSnapshot told = SnapshotOf(s_service);
        Assert.Equal(EndpointStatus.NeedsResolution, CandidatesIn(Apply(told)).Status);

        Answer("10.1.0.2", "10.1.0.1");
        MeshSnapshot resolved = Apply(told);
        Assert.Equal(EndpointStatus.Picked, CandidatesIn(resolved).Status);
        Assert.Equal(["10.1.0.1", "10.1.0.2"], AddressesIn(resolved));
        Assert.Equal("10.1.0.2", Assert.Single(resolved.FindWorkload("vm/10.1.0.2")!.Addresses).ToString());

        // An address that is found by name is no workload's own.
        Assert.Null(resolved.FindWorkload("", IPAddress.Parse("10.1.0.1")));
        Assert.Empty(resolved.FindWorkload("vm")!.Addresses);
    }

    [Fact]
    public void Of_a_service_that_takes_the_first_answer_it_is_the_only_endpoint()
    {
        Answer("10.1.0.2", "10.1.0.1");
        Assert.Equal(["10.1.0.2"], AddressesIn(Apply(SnapshotOf(s_service with { TakesFirstAnswer = true }))));
    }

    [Fact]
    public void What_nothing_has_changed_is_the_same_instance()
    {
        MeshSnapshot told = SnapshotOf(s_service);
        Answer("10.1.0.1");
        CandidateSet before = CandidatesIn(Apply(told));
        MeshSnapshot.Builder builder = told.ToBuilder();
        builder.SetWorkload(Some.Workload("other", "10.0.0.7"));
        Assert.Same(before, CandidatesIn(Apply(builder.Build())));
        Answer("10.1.0.1", "10.1.0.2");
        Assert.NotSame(before, CandidatesIn(Apply(told)));
    }

    [Fact]
    public void A_mesh_without_names_is_the_snapshot_that_was_told()
    {
        MeshSnapshot.Builder builder = SnapshotOf(s_service).ToBuilder();
        builder.RemoveWorkload("vm");
        builder.SetWorkload(Some.Workload("server", "10.0.0.1").EndpointOf(s_service));
        MeshSnapshot told = builder.Build();
        Assert.Same(told, Apply(told));

        // Also after there were some.
        Apply(SnapshotOf(s_service));
        Assert.Same(told, Apply(told));
    }

    [Theory]
    [InlineData("10.0.0.1 2001:db8::1 10.0.0.1", "10.0.0.1")]
    [InlineData("2001:db8::1", "2001:db8::1")]
    [InlineData("::ffff:10.0.0.1", "10.0.0.1")]
    [InlineData("127.0.0.1 ::1 0.0.0.0 :: 224.0.0.1 ff02::1 fe80::1 10.0.0.2", "10.0.0.2")]
    public void An_answer_keeps_what_leads_somewhere(string found, string kept) =>
        Assert.Equal(kept, string.Join(' ', NameAnswer.Of(found.Split(' ').Select(IPAddress.Parse))!.Addresses));

    [Fact]
    public void An_answer_without_anything_is_none()
    {
        Assert.Null(NameAnswer.Of([]));
        Assert.Null(NameAnswer.Of([IPAddress.Loopback]));
    }

    private static MeshSnapshot SnapshotOf(Service service)
    {
        MeshSnapshot.Builder builder = MeshSnapshot.Empty.ToBuilder();
        builder.SetService(service);
        builder.SetWorkload(Some.Workload("vm").EndpointOf(service) with { Uid = "vm", Hostname = "vm.example.org" });
        return builder.Build();
    }

    private void Answer(params string[] addresses) => _answers["vm.example.org"] = NameAnswer.Of(addresses.Select(IPAddress.Parse))!;

    private MeshSnapshot Apply(MeshSnapshot told) => _overlay.Apply(told, _answers.GetValueOrDefault);

    private static CandidateSet CandidatesIn(MeshSnapshot snapshot) => EndpointPicker.Find(snapshot, s_service.Key, 80, "", s_client);

    private static IEnumerable<string> AddressesIn(MeshSnapshot snapshot)
    {
        CandidateSet candidates = CandidatesIn(snapshot);
        return Enumerable.Range(0, candidates.Count).Select(index => candidates[index].Addresses.Single().ToString());
    }
}
