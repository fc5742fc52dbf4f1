using Mesh.Node.Protocols.Http;

namespace Mesh.Node.Protocols.Tests.Http;

/// <summary>Goal: a head can be kept, changed and used again. Method: heads filled by hand.</summary>
public sealed class MessageHeadTests
{
    [Fact]
    public void A_copied_request_survives_what_becomes_of_the_original()
    {
        var original = new RequestHead
        {
            Protocol = HttpProtocol.Http11,
            Method = "POST"u8,
            Scheme = "http"u8,
            Authority = "shop:80"u8,
            Path = "/a?b"u8,
            Upgrade = "websocket"u8,
            Body = BodyFraming.OfLength(5),
            IsPersistent = true,
            ExpectsContinue = true,
            AcceptsTrailers = true,
        };
        original.Fields.Add("x"u8, "1"u8);
        var copy = new RequestHead { Path = "/old"u8 };

        copy.CopyFrom(original);
        original.Path = "/rewritten, and longer than before"u8;
        original.Fields.Set("x"u8, "2"u8);
        original.Clear();

        Assert.True(copy.Method.SequenceEqual("POST"u8));
        Assert.True(copy.Scheme.SequenceEqual("http"u8));
        Assert.True(copy.Authority.SequenceEqual("shop:80"u8));
        Assert.True(copy.Path.SequenceEqual("/a?b"u8));
        Assert.True(copy.Upgrade.SequenceEqual("websocket"u8));
        Assert.Equal(["x: 1"], HeaderListTests.Text(copy.Fields));
        Assert.Equal((HttpProtocol.Http11, BodyFraming.OfLength(5), true, true, true),
            (copy.Protocol, copy.Body, copy.IsPersistent, copy.ExpectsContinue, copy.AcceptsTrailers));
        Assert.True(original.Method.IsEmpty && original.Path.IsEmpty && original.Upgrade.IsEmpty);
        Assert.Equal((0, BodyFraming.None, false), (original.Fields.Count, original.Body, original.IsPersistent));
    }

    [Fact]
    public void A_copied_response_survives_what_becomes_of_the_original()
    {
        var original = new ResponseHead
        {
            Protocol = HttpProtocol.Http2,
            Status = 426,
            Upgrade = "websocket"u8,
            Body = BodyFraming.Chunked,
            IsPersistent = true,
        };
        original.Fields.Add("x"u8, "1"u8);
        var copy = new ResponseHead();

        copy.CopyFrom(original);
        original.Clear();

        Assert.Equal((HttpProtocol.Http2, 426, BodyFraming.Chunked, true), (copy.Protocol, copy.Status, copy.Body, copy.IsPersistent));
        Assert.True(copy.Upgrade.SequenceEqual("websocket"u8));
        Assert.Equal(["x: 1"], HeaderListTests.Text(copy.Fields));
        Assert.Equal((0, 0, 0), (original.Status, original.Fields.Count, original.Upgrade.Length));
    }

    [Fact]
    public void Setting_a_text_from_another_text_of_the_same_head_copies_it()
    {
        var head = new RequestHead { Path = "/a"u8 };

        for (int i = 0; i < 200; i++)
        {
            head.Method = head.Path;
            head.Path = head.Method;
        }

        Assert.True(head.Path.SequenceEqual("/a"u8));
    }

    [Theory]
    [InlineData(BodyKind.Chunked, HttpProtocol.Http10, BodyKind.UntilClose)]
    [InlineData(BodyKind.Chunked, HttpProtocol.Http11, BodyKind.Chunked)]
    [InlineData(BodyKind.UntilClose, HttpProtocol.Http10, BodyKind.UntilClose)]
    [InlineData(BodyKind.UntilClose, HttpProtocol.Http11, BodyKind.Chunked)]
    [InlineData(BodyKind.UntilClose, HttpProtocol.Http2, BodyKind.Chunked)]
    [InlineData(BodyKind.None, HttpProtocol.Http10, BodyKind.None)]
    [InlineData(BodyKind.Tunnel, HttpProtocol.Http10, BodyKind.Tunnel)]
    public void Content_is_delimited_as_its_receiver_can_tell(BodyKind sent, HttpProtocol receiver, BodyKind expected) =>
        Assert.Equal(expected, new BodyFraming(sent, -1).For(receiver).Kind);

    [Fact]
    public void Content_of_length_zero_is_no_content_whose_length_is_told()
    {
        Assert.Equal(new BodyFraming(BodyKind.None, 0), BodyFraming.OfLength(0));
        Assert.False(BodyFraming.OfLength(0).HasContent);
        Assert.True(BodyFraming.OfLength(1).HasContent);
        Assert.False(BodyFraming.Tunnel.HasContent);
        Assert.Throws<ArgumentOutOfRangeException>(() => BodyFraming.OfLength(-1));
    }
}
