using Mesh.Interop.Linux;
using Mesh.Node.Capture.Kubernetes;
using Mesh.Testing;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Mesh.Node.Capture.Tests.Kubernetes;

/// <summary>A pod's namespace is that of its processes, whoever had their numbers before.</summary>
public sealed class HostProcessesTests : IDisposable
{
    private const string Uid = "3f0c1d2e-4a5b-6c7d-8e9f-0a1b2c3d4e5f";
    private const string OtherUid = "4f0c1d2e-4a5b-6c7d-8e9f-0a1b2c3d4e5f";

    private readonly HostProcFolder _host = new();
    private readonly FakeTimeProvider _time = new();
    private readonly HostProcesses _processes;

    public HostProcessesTests() => _processes = new HostProcesses(_host.Root, _time);

    public void Dispose() => _host.Dispose();

    [LabFact]
    public void The_oldest_process_says_which_and_the_hosts_network_is_none()
    {
        using NetNamespace own = NetNamespace.Create();
        using NetNamespace nested = NetNamespace.Create();
        _host.Add(20, 5, $"0::/kubepods/pod{Uid}/c\n", "/proc/self/ns/net");
        _host.AddOfPod(31, Uid, nested, startedTicks: 300);
        _host.AddOfPod(40, Uid, own, startedTicks: 200);

        Assert.Equal(own.Id, Found(Uid));
        Assert.Null(Found(OtherUid));
    }

    [LabFact]
    public void A_number_that_is_anothers_by_now_leads_nowhere()
    {
        using NetNamespace first = NetNamespace.Create();
        using NetNamespace second = NetNamespace.Create();
        _host.AddOfPod(40, Uid, first);
        Assert.Equal(first.Id, Found(Uid));

        _host.Remove(40);
        _host.AddOfPod(40, OtherUid, second);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Null(Found(Uid));
        Assert.Equal(second.Id, Found(OtherUid));
    }

    [LabFact]
    public void A_sandbox_that_was_made_anew_is_found_anew()
    {
        using NetNamespace first = NetNamespace.Create();
        using NetNamespace second = NetNamespace.Create();
        _host.AddOfPod(40, Uid, first);
        Assert.Equal(first.Id, Found(Uid));

        _host.Remove(40);
        _host.AddOfPod(41, Uid, second, startedTicks: 500);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(second.Id, Found(Uid));
    }

    [LabFact]
    public void Who_asks_again_at_once_costs_no_scan()
    {
        using NetNamespace own = NetNamespace.Create();
        Assert.Null(Found(Uid));
        _host.AddOfPod(40, Uid, own);
        Assert.Null(Found(Uid));
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(own.Id, Found(Uid));
    }

    private (ulong Device, ulong Inode)? Found(string uid)
    {
        using NetNamespace? found = _processes.Open(uid);
        return found?.Id;
    }
}
