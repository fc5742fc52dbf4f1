using Mesh.Interop.Linux;
using Xunit;

namespace Mesh.Interop.Tests.Linux;

public sealed class SysResultTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(int.MaxValue)]
    public void A_success_has_its_count_and_no_error(int count)
    {
        var result = SysResult.Success(count);

        Assert.True(result.Ok);
        Assert.Equal(count, result.Count);
        Assert.Equal(count, result.OrThrow("count"));
        Assert.Equal(Errno.None, result.Error);
        Assert.False(result.WouldBlock);
        Assert.False(result.InProgress);
    }

    [Theory]
    [InlineData(Errno.EPERM, false, false)]
    [InlineData(Errno.EAGAIN, true, false)]
    [InlineData(Errno.EINPROGRESS, false, true)]
    [InlineData(Errno.EHWPOISON, false, false)]
    public void A_failure_has_its_error_and_no_count(Errno error, bool wouldBlock, bool inProgress)
    {
        var result = SysResult.Failure(error);

        Assert.False(result.Ok);
        Assert.Equal(error, result.Error);
        Assert.Equal(wouldBlock, result.WouldBlock);
        Assert.Equal(inProgress, result.InProgress);
        Assert.Equal(error, Assert.Throws<PosixException>(() => result.Count).Error);
    }

    [Fact]
    public void A_thrown_failure_says_what_was_attempted_and_why_it_failed()
    {
        PosixException thrown = Assert.Throws<PosixException>(() => SysResult.Failure(Errno.EADDRINUSE).OrThrow("bind 10.0.0.1:15001"));

        Assert.Equal("bind 10.0.0.1:15001", thrown.Operation);
        Assert.Equal("bind 10.0.0.1:15001: EADDRINUSE (Address already in use).", thrown.Message);
    }

    [Fact]
    public void None_is_not_a_failure_and_a_negative_count_is_not_a_success()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => SysResult.Failure(Errno.None));
        Assert.Throws<ArgumentOutOfRangeException>(() => SysResult.Success(-1));
    }

    [Fact]
    public void Results_are_equal_by_value()
    {
        Assert.Equal(SysResult.Success(3), SysResult.Success(3));
        Assert.True(SysResult.Failure(Errno.EPIPE) == SysResult.Failure(Errno.EPIPE));
        Assert.True(SysResult.Success(3) != SysResult.Success(4));
        Assert.True(SysResult.Success(0) != SysResult.Failure(Errno.EPERM));
    }
}
