using System.Buffers;
using Mesh.Node.Proxy.Http.Outbound;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Http.Outbound;

/// <summary>One long text does not cost memory for as long as its connection lives.</summary>
public sealed class WorkRoomTests
{
    [Fact]
    public void A_room_that_one_text_has_made_large_is_let_go()
    {
        var small = new ArrayBufferWriter<byte>(WorkRoom.BytesKept);
        Assert.Same(small, WorkRoom.Kept(small));
        small.Write(new byte[WorkRoom.BytesKept + 1]);
        ArrayBufferWriter<byte> next = WorkRoom.Kept(small);
        Assert.NotSame(small, next);
        Assert.InRange(next.Capacity, 0, WorkRoom.BytesKept);
    }
}
