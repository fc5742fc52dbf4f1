using System.Net;
using System.Net.Sockets;
using Mesh.Interop.Linux;
using Mesh.Testing;
using Xunit;

namespace Mesh.Interop.Tests.Linux;

public sealed class NetNamespaceTests
{
    [Fact]
    public void The_current_namespace_is_known_by_its_inode()
    {
        using NetNamespace current = NetNamespace.OpenCurrent();
        using NetNamespace ofProcess = NetNamespace.OpenProcess(Environment.ProcessId);

        // The link reads "net:[4026531840]".
        Assert.Equal($"net:[{current.Id.Inode}]", new FileInfo("/proc/self/ns/net").LinkTarget);
        Assert.Equal(current.Id, ofProcess.Id);
    }

    [Fact]
    public void What_is_not_a_network_namespace_is_refused()
    {
        string file = Path.GetTempFileName();

        Assert.Equal(Errno.EINVAL, Assert.Throws<PosixException>(() => NetNamespace.OpenPath(file)).Error);
        Assert.Equal(Errno.EINVAL, Assert.Throws<PosixException>(() => NetNamespace.OpenPath("/proc/self/ns/mnt")).Error);
        Assert.Equal(Errno.ENOENT, Assert.Throws<PosixException>(() => NetNamespace.OpenPath(file + "-none")).Error);
        Assert.Throws<ArgumentException>(() => NetNamespace.OpenPath("/proc/self/ns/net\0"));
        Assert.Throws<ArgumentException>(() => NetNamespace.OpenPath(""));
        Assert.Throws<ArgumentOutOfRangeException>(() => NetNamespace.OpenProcess(0));

        var adopted = new EventCounter();
        Assert.Throws<PosixException>(() => NetNamespace.FromHandle(adopted.Handle));
        Assert.True(adopted.Handle.IsClosed);
        File.Delete(file);
    }

    [LabFact]
    public void A_body_runs_inside_and_its_thread_is_outside_again_afterwards()
    {
        using NetNamespace home = NetNamespace.OpenCurrent();
        using NetNamespace created = NetNamespace.Create();
        Assert.NotEqual(home.Id, created.Id);

        for (int i = 0; i < 3; i++)
        {
            Assert.Equal(created.Id, created.Run(0, static _ => CurrentId()));
            Assert.Equal(home.Id, CurrentId());
        }
    }

    [LabFact]
    public void A_body_that_throws_leaves_the_namespace()
    {
        (ulong, ulong) home = CurrentId();
        using NetNamespace created = NetNamespace.Create();

        Assert.Throws<FormatException>(() => created.Run<int, int>(0, static _ => throw new FormatException()));

        Assert.Equal(home, CurrentId());
    }

    [LabFact]
    public void Runs_nest_and_return_one_by_one_even_to_a_namespace_disposed_meanwhile()
    {
        (ulong, ulong) home = CurrentId();
        NetNamespace outer = NetNamespace.Create();
        using NetNamespace inner = NetNamespace.Create();
        (ulong, ulong) outerId = outer.Id;

        outer.Run((outer, inner), both =>
        {
            Assert.Equal(both.inner.Id, both.inner.Run(both.outer, static disposed =>
            {
                disposed.Dispose();
                return CurrentId();
            }));
            Assert.Equal(outerId, CurrentId());
            return 0;
        });

        Assert.Equal(home, CurrentId());
        Assert.Throws<ObjectDisposedException>(() => outer.Run(0, static _ => 0));
        Assert.Equal(home, CurrentId());
    }

    [LabFact]
    public void A_socket_stays_in_the_namespace_it_was_made_in()
    {
        using NetNamespace created = NetNamespace.Create();
        using SocketHandle homeListener = TcpPair.Listen(IPAddress.Loopback);
        IPEndPoint endPoint = Sockets.LocalEndPoint(homeListener);

        // The same address and port are free there, and what listens here is not reachable from there: its loopback is down.
        using SocketHandle listener = created.Run(endPoint.Port, static port => TcpPair.Listen(IPAddress.Loopback, port));
        using SocketHandle client = created.Run(AddressFamily.InterNetwork, Sockets.OpenTcp);

        Assert.Equal(endPoint, Sockets.LocalEndPoint(listener));
        Assert.Equal(Errno.ENETUNREACH, Sockets.Connect(client, endPoint).Error);
    }

    [LabFact]
    public async Task A_dedicated_thread_runs_inside_and_nothing_of_it_stays_behind()
    {
        using NetNamespace home = NetNamespace.OpenCurrent();
        using NetNamespace created = NetNamespace.Create();
        int callingThread = Environment.CurrentManagedThreadId;

        for (int i = 0; i < 50; i++)
        {
            ((ulong, ulong) id, int thread, bool isPoolThread) = await created.RunOnDedicatedThreadAsync(
                static () => (CurrentId(), Environment.CurrentManagedThreadId, Thread.CurrentThread.IsThreadPoolThread));
            Assert.Equal(created.Id, id);
            Assert.NotEqual(callingThread, thread);
            Assert.False(isPoolThread);
            Assert.Equal(home.Id, CurrentId());
        }

        Assert.DoesNotContain($"net:[{created.Id.Inode}]", NamespacesOfAllThreads());
    }

    [LabFact]
    public async Task A_dedicated_thread_hands_its_exception_over()
    {
        using NetNamespace created = NetNamespace.Create();

        await Assert.ThrowsAsync<FormatException>(() => created.RunOnDedicatedThreadAsync<int>(static () => throw new FormatException()));
    }

    [LabFact]
    public async Task A_body_that_could_not_have_finished_is_refused_before_anything_moves()
    {
        using NetNamespace created = NetNamespace.Create();

        await Assert.ThrowsAsync<InvalidOperationException>(() => created.Run(0, static _ => Task.CompletedTask));
        await Assert.ThrowsAsync<InvalidOperationException>(() => created.Run(0, static _ => Task.FromResult(1)));
        await Assert.ThrowsAsync<InvalidOperationException>(() => created.Run(0, static _ => ValueTask.CompletedTask).AsTask());
        await Assert.ThrowsAsync<InvalidOperationException>(() => created.Run(0, static _ => ValueTask.FromResult(1)).AsTask());
    }

    [LabFact]
    public async Task Another_program_can_open_the_namespace_by_its_descriptor_path()
    {
        using ScratchNamespace scratch = await ScratchNamespace.CreateAsync();

        string link = await scratch.ExecuteAsync("readlink /proc/self/ns/net");
        string interfaces = await scratch.ExecuteAsync("ip -o link show up");

        Assert.Equal($"net:[{scratch.Network.Id.Inode}]", link.Trim());
        Assert.Contains("LOOPBACK", interfaces, StringComparison.Ordinal);
        Assert.Single(interfaces.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    [LabFact]
    public void A_namespace_received_over_a_socket_is_the_one_that_was_sent()
    {
        using NetNamespace created = NetNamespace.Create();
        using var pair = SeqPacketPair.Open();
        pair.Client.Send("add"u8, created.Handle, TimeSpan.Zero).OrThrow("send");
        pair.Server.Receive(new byte[16], out Microsoft.Win32.SafeHandles.SafeFileHandle? received, TimeSpan.Zero).OrThrow("receive");

        using NetNamespace adopted = NetNamespace.FromHandle(received!);

        Assert.Equal(created.Id, adopted.Id);
        Assert.Equal(created.Id, adopted.Run(0, static _ => CurrentId()));
    }

    private static (ulong Device, ulong Inode) CurrentId()
    {
        using NetNamespace current = NetNamespace.OpenCurrent();
        return current.Id;
    }

    private static string[] NamespacesOfAllThreads() =>
        [.. Directory.GetDirectories("/proc/self/task").Select(static task => new FileInfo(task + "/ns/net").LinkTarget ?? "")];
}
