using Mesh.Node.Capture.Kubernetes;
using Xunit;

namespace Mesh.Node.Capture.Tests.Kubernetes;

public sealed class PodCgroupTests
{
    private const string Uid = "3f0c1d2e-4a5b-6c7d-8e9f-0a1b2c3d4e5f";
    private const string Underscored = "3f0c1d2e_4a5b_6c7d_8e9f_0a1b2c3d4e5f";

    [Theory]
    [InlineData($"0::/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod{Underscored}.slice/cri-containerd-77aa.scope\n")]
    [InlineData($"0::/kubepods.slice/kubepods-pod{Underscored}.slice/crio-77aa.scope\n")]
    [InlineData($"0::/kubepods/burstable/pod{Uid}/77aa\n")]
    [InlineData($"0::/kubepods/pod{Uid}\n")]
    [InlineData($"0::/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice/kubelet-kubepods-burstable-pod{Underscored}.slice/x\n")]
    [InlineData($"0::/../../pod{Uid}/77aa\n")]
    [InlineData($"0::/../../../besteffort/pod{Uid}/77aa\n")]
    [InlineData($"0::/../../kubepods-besteffort-pod{Underscored}.slice/cri-containerd-77aa.scope\n")]
    [InlineData($"12:pids:/kubepods/besteffort/pod{Uid}/77aa\n11:memory:/kubepods/besteffort/pod{Uid}/77aa\n")]
    [InlineData($"3:cpu,cpuacct:/\n2:name=systemd:/kubepods.slice/kubepods-burstable-pod{Underscored}.slice/docker-77aa.scope\n")]
    [InlineData($"0::/../../kubepods.slice/kubepods-pod{Underscored}.slice/cri-containerd:with:colons.scope")]
    public void The_drivers_name_pods_each_in_their_way(string cgroup) => Assert.Equal(Uid, PodCgroup.UidOf(cgroup));

    [Fact]
    public void A_static_pod_is_named_by_its_hash() =>
        Assert.Equal(
            "0123456789abcdef0123456789abcdef",
            PodCgroup.UidOf("0::/kubepods/burstable/pod0123456789abcdef0123456789abcdef/77aa\n"));

    [Theory]
    [InlineData("")]
    [InlineData("0::/\n")]
    [InlineData("0::/system.slice/containerd.service\n")]
    [InlineData($"0::/user.slice/pod{Uid}\n")]
    [InlineData($"0::/kubepods/pod{Uid}x/77aa\n")]
    [InlineData("0::/kubepods/podman/77aa\n")]
    [InlineData("0::/kubepods/pod3F0C1D2E-4A5B-6C7D-8E9F-0A1B2C3D4E5F\n")]
    [InlineData("0::/kubepods/pod3f0c1d2e-4a5b-6c7d-8e9f00a1b2c3d4e5f\n")]
    [InlineData("nonsense")]
    public void Anything_else_is_no_pod(string cgroup) => Assert.Null(PodCgroup.UidOf(cgroup));
}
