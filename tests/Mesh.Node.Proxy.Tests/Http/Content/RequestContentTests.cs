using System.Buffers;
using System.Text;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Proxy.Http.Content;
using Mesh.Node.Transport.Buffers;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Http.Content;

/// <summary>Goal: content that was taken from a client comes again whole, or it is known that it cannot. Method: a source of given parts.</summary>
public sealed class RequestContentTests
{
    private readonly BufferPool _pool = new(16 * BufferPool.BlockBytes);
    private readonly BufferBudget _budget = new(4 * BufferPool.BlockBytes);

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(5)]
    public void What_was_read_is_read_again_before_what_was_not(int readBefore)
    {
        RequestContent content = Begin(recordMax: 1_000, "one", "two", "three", "four", "five");
        Assert.Equal(string.Concat(new[] { "one", "two", "three", "four", "five" }[..readBefore]), Read(content, readBefore));
        Assert.True(content.CanRewind);
        content.Rewind();
        Assert.Equal("onetwothreefourfive", Read(content, int.MaxValue));
        Assert.True(content.IsComplete);
        Assert.True(content.CanRewind);
        content.Rewind();
        Assert.Equal("onetwothreefourfive", Read(content, int.MaxValue));
        content.End();
        Assert.Equal((0L, 0), (_budget.HeldBytes, _pool.OutstandingBlocks));
    }

    [Fact]
    public void Content_that_is_longer_than_may_be_kept_is_let_go_and_goes_on()
    {
        RequestContent content = Begin(recordMax: 10, "0123456789", "x", "rest");
        Read(content, 1);
        Assert.True(content.CanRewind);
        Assert.Equal("x", Read(content, 1));
        Assert.False(content.CanRewind);
        Assert.Equal(0, _budget.HeldBytes);
        Assert.Equal("rest", Read(content, int.MaxValue));
        Assert.False(content.CanRewind);
    }

    [Fact]
    public void Content_is_let_go_where_the_pod_holds_as_much_as_it_may()
    {
        var content = new RequestContent(new RecordedBytes(_pool, new BufferBudget(0)));
        content.Begin(new GivenContent("one", "two"));
        content.Record(1_000);
        Assert.Equal("onetwo", Read(content, int.MaxValue));
        Assert.False(content.CanRewind);
    }

    [Fact]
    public void Content_that_is_not_recorded_comes_again_only_while_untouched()
    {
        RequestContent content = Begin(recordMax: 0, "one");
        Assert.True(content.CanRewind);
        Read(content, 1);
        Assert.False(content.CanRewind);
    }

    [Theory]
    [InlineData(ContentStatus.Refused)]
    [InlineData(ContentStatus.Broken)]
    internal void Content_that_never_becomes_whole_does_not_come_again(ContentStatus end)
    {
        var source = new GivenContent("one") { Last = end };
        RequestContent content = Begin(1_000, source);
        Assert.Equal("one", Read(content, int.MaxValue));
        Assert.False(content.CanRewind);
    }

    [Fact]
    public void Once_it_is_forgotten_nothing_more_is_kept()
    {
        RequestContent content = Begin(recordMax: 1_000, "one", "two", "three");
        Read(content, 2);
        content.Rewind();
        Assert.Equal("onetwo"[..6], Read(content, 1));
        content.Forget();
        Assert.Equal(0, _budget.HeldBytes);
        Assert.Equal("three", Read(content, int.MaxValue));
        Assert.False(content.CanRewind);
    }

    [Fact]
    public void What_is_being_read_again_is_kept_until_it_was()
    {
        RequestContent content = Begin(recordMax: 1_000, "one", "two");
        Read(content, 1);
        content.Rewind();
        content.Forget();
        Assert.Equal("onetwo", Read(content, int.MaxValue));
        content.End();
        Assert.Equal(0, _budget.HeldBytes);
    }

    private RequestContent Begin(long recordMax, params string[] parts) => Begin(recordMax, new GivenContent(parts));

    private RequestContent Begin(long recordMax, GivenContent source)
    {
        var content = new RequestContent(new RecordedBytes(_pool, _budget));
        content.Begin(source);
        content.Record(recordMax);
        return content;
    }

    /// <summary>Reads as many parts, or to the end.</summary>
    private static string Read(RequestContent content, int parts)
    {
        string text = "";
        while (parts-- > 0 && content.TryRead(out ContentRead read) && read.Status == ContentStatus.Content)
        {
            text += Encoding.ASCII.GetString(read.Bytes.ToArray());
            content.Advance();
        }

        return text;
    }

    /// <summary>Parts that are all there.</summary>
    private sealed class GivenContent(params string[] parts) : IContentReader
    {
        private int _next;

        public ContentStatus Last { get; init; } = ContentStatus.End;

        public bool IsComplete => _next == parts.Length && Last == ContentStatus.End;

        public long ContentBytes => parts[.._next].Sum(part => part.Length);

        public HeaderList Trailers { get; } = new();

        public bool TryRead(out ContentRead read)
        {
            read = _next == parts.Length
                ? new ContentRead(Last)
                : new ContentRead(ContentStatus.Content, new ReadOnlySequence<byte>(Encoding.ASCII.GetBytes(parts[_next])));
            return true;
        }

        public ValueTask<ContentRead> ReadAsync()
        {
            TryRead(out ContentRead read);
            return ValueTask.FromResult(read);
        }

        public void Advance() => _next++;

        public void CancelRead() => throw new NotSupportedException();

        public void ForgetCancel() => throw new NotSupportedException();
    }
}
