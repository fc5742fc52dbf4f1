using Mesh.Bench.Load.Measuring;
using Xunit;

namespace Mesh.Bench.Tests.Load;

public sealed class ProcFilesTests
{
    private const string Table = """
          sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
           0: 0201010A:2329 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 22 1 0 100 0 0 10 0
           1: 0201010A:1F90 0301010A:C350 01 00000000:00000000 00:00000000 00000000     0        0 23 1 0 20 4 30 10 -1

        """;

    [Fact]
    public void Time_of_a_process_is_user_and_system_whatever_its_name_is() => Assert.Equal(
        1.75, ProcFiles.ParseProcessCpuSeconds("7 (a) b (c) S 1 7 7 0 -1 4194560 10 0 0 0 150 25 99 99 20 0 3 0 100 200 300 400\n"));

    [Fact]
    public void Time_of_the_machine_leaves_out_what_was_idle_and_what_a_host_took() => Assert.Equal(
        1.23, ProcFiles.ParseMachineCpuSeconds("cpu  100 1 2 5000 600 8 12 700 0 0\ncpu0 50 0 0 0 0 0 0 0 0 0\n"));

    [Fact]
    public void Memory_is_in_bytes() =>
        Assert.Equal(20_480_000, ProcFiles.ParseResidentBytes("Name:\thaproxy\nVmHWM:\t   99999 kB\nVmRSS:\t   20000 kB\nThreads:\t2\n"));

    [Theory]
    [InlineData(9001, true)]
    [InlineData(8080, false)]
    public void Only_a_listener_listens(int port, bool isListening) => Assert.Equal(isListening, ProcFiles.HasListener(Table, port));

    [Fact]
    public void A_library_is_found_by_the_beginning_of_its_name()
    {
        const string Maps = """
            7f00-7f01 r--p 00000000 fe:00 11 /usr/lib/x86_64-linux-gnu/libcrypto.so.3
            7f02-7f03 r-xp 00000000 fe:00 12 /usr/lib/x86_64-linux-gnu/libssl.so.3
            7f04-7f05 rw-p 00000000 00:00 0
            """;

        Assert.Equal("/usr/lib/x86_64-linux-gnu/libssl.so.3", ProcFiles.FindMapped(Maps, "libssl.so"));
        Assert.Null(ProcFiles.FindMapped(Maps, "libgnutls.so"));
    }
}
