using Mesh.Interop.Linux;
using Xunit;

namespace Mesh.Interop.Tests.Linux;

public sealed class CpuQuotaTests
{
    private const string Version2Mount = "35 24 0:30 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";
    private const string Version1Mount = "31 25 0:27 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:10 - cgroup cgroup rw,cpu,cpuacct\n";

    [Theory]
    [InlineData("150000 100000\n", 1.5)]
    [InlineData("10000 100000\n", 0.1)]
    [InlineData("max 100000\n", null)]
    [InlineData("max\n", null)]
    [InlineData("", null)]
    [InlineData("-1 100000\n", null)]
    [InlineData("0 100000\n", null)]
    [InlineData("100000 0\n", null)]
    [InlineData("99999999999999999999 100000\n", null)]
    [InlineData("150000 100000 1\n", null)]
    public void The_quota_of_version_2_is_one_line(string cpuMax, double? expected) =>
        Assert.Equal(expected, Read("0::/a\n", Version2Mount, ("/sys/fs/cgroup/a/cpu.max", cpuMax)));

    [Theory]
    [InlineData("250000\n", "100000\n", 2.5)]
    [InlineData("-1\n", "100000\n", null)]
    public void The_quota_of_version_1_is_two_files(string quota, string period, double? expected) =>
        Assert.Equal(expected, Read(
            "12:memory:/m\n4:cpu,cpuacct:/a\n0::/u\n",
            Version1Mount,
            ("/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", quota),
            ("/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us", period),
            ("/sys/fs/cgroup/cpu,cpuacct/m/cpu.cfs_quota_us", "1\n"),
            ("/sys/fs/cgroup/cpu,cpuacct/m/cpu.cfs_period_us", "100000\n")));

    [Theory]
    [InlineData("100000 100000", "max 100000", "400000 100000", 1.0)]
    [InlineData("400000 100000", "100000 100000", "max 100000", 1.0)]
    [InlineData("400000 100000", "max 100000", "200000 100000", 2.0)]
    [InlineData("max 100000", "max 100000", "max 100000", null)]
    public void The_tightest_of_a_group_and_its_ancestors_counts(string own, string parent, string top, double? expected) =>
        Assert.Equal(expected, Read(
            "0::/slice/pod/container\n",
            Version2Mount,
            ("/sys/fs/cgroup/slice/pod/container/cpu.max", own),
            ("/sys/fs/cgroup/slice/pod/cpu.max", parent),
            ("/sys/fs/cgroup/slice/cpu.max", top)));

    [Theory]
    [InlineData("/", "/kubepods/pod1", "/sys/fs/cgroup/kubepods/pod1/cpu.max")]
    [InlineData("/kubepods/pod1", "/kubepods/pod1", "/sys/fs/cgroup/cpu.max")]
    [InlineData("/kubepods/pod1", "/kubepods/pod1/inner", "/sys/fs/cgroup/inner/cpu.max")]
    [InlineData("/kubepods/pod1", "/kubepods/pod10", "/sys/fs/cgroup/cpu.max")]
    [InlineData("/", "/../outside", "/sys/fs/cgroup/cpu.max")]
    [InlineData("/", "/", "/sys/fs/cgroup/cpu.max")]
    public void A_group_is_found_where_its_part_of_the_tree_is_mounted(string mountRoot, string group, string expectedFile) =>
        Assert.Equal(3.0, Read(
            $"0::{group}\n", $"35 24 0:30 {mountRoot} /sys/fs/cgroup rw - cgroup2 cgroup rw\n", (expectedFile, "300000 100000")));

    [Fact]
    public void Both_versions_at_once_are_both_obeyed() =>
        Assert.Equal(1.0, Read(
            "4:cpu:/a\n0::/a\n",
            Version1Mount + Version2Mount,
            ("/sys/fs/cgroup/a/cpu.max", "300000 100000"),
            ("/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", "100000"),
            ("/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us", "100000")));

    [Theory]
    [InlineData(null, null)]
    [InlineData("0::/a\n", null)]
    [InlineData(null, Version2Mount)]
    [InlineData("nonsense\n::\n0:\n", "nonsense\n - \n1 2 3 - cgroup2\n")]
    [InlineData("4:cpuset:/a\n", Version1Mount)]
    public void What_cannot_be_read_limits_nothing(string? membership, string? mounts) =>
        Assert.Null(CpuQuota.Read(membership, mounts, static _ => "100000 100000"));

    private static double? Read(string membership, string mounts, params (string Path, string Text)[] files) =>
        CpuQuota.Read(membership, mounts, path => files.FirstOrDefault(file => file.Path == path).Text);
}
