using Mesh.Node.Protocols.Http;

namespace Mesh.Node.Protocols.Http2.Messages;

/// <summary>
/// Responses between the header blocks of HTTP/2 and the model both versions share (RFC 9113 §8.3.2, RFC 8441). Pure; allocates nothing
/// in steady state.
/// </summary>
public static class Http2ResponseHeads
{
    private const int Ok = 200;
    private const int SwitchingProtocols = 101;

    /// <summary>Reads a block into a head.</summary>
    /// <param name="block">One that <see cref="HeaderBlockRules.CheckResponse"/> has passed.</param>
    /// <param name="endStream">True when neither content nor trailers follow.</param>
    /// <param name="request">What was asked: its method decides what the length means, and 200 to an upgrade is 101 in the model.</param>
    /// <param name="head">Filled.</param>
    public static void Read(HeaderList block, bool endStream, RequestHead request, ResponseHead head)
    {
        ArgumentNullException.ThrowIfNull(block);
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(head);
        head.Clear();
        head.Protocol = HttpProtocol.Http2;
        head.IsPersistent = true;
        head.Status = FieldRules.ParseStatus(block[0].Value);
        long contentBytes = -1;
        for (int i = 1; i < block.Count; i++)
        {
            HeaderField field = block[i];
            if (field.Name.SequenceEqual("content-length"u8))
            {
                contentBytes = FieldRules.ParseContentLength(field.Value);
            }
            else if (!HeadProperties.Contains(field.Name))
            {
                head.Fields.Add(field.Name, field.Value, field.NeverIndex);
            }
        }

        bool isSuccess = head.Status is >= Ok and < 300;
        if (isSuccess && !request.Upgrade.IsEmpty)
        {
            head.Status = SwitchingProtocols;
            head.Upgrade = request.Upgrade;
            head.Body = BodyFraming.Tunnel;
        }
        else if (isSuccess && request.IsConnect)
        {
            head.Body = BodyFraming.Tunnel;
        }
        else if (head.Status is < Ok or 204)
        {
            head.Body = BodyFraming.None;
        }
        else if (request.IsHead || head.Status == 304)
        {
            head.Body = BodyFraming.Omitted(contentBytes);
        }
        else
        {
            head.Body = Http2Bodies.Read(endStream, contentBytes);
        }
    }

    /// <summary>Writes a head as a block, for <see cref="Http2Connection.SendHeaders"/>.</summary>
    /// <param name="head">Of either version.</param>
    /// <param name="block">Cleared and filled.</param>
    public static void Write(ResponseHead head, HeaderList block)
    {
        ArgumentNullException.ThrowIfNull(head);
        ArgumentNullException.ThrowIfNull(block);
        block.Clear();
        bool isUpgrade = head.Status == SwitchingProtocols;
        WriteStatus(isUpgrade ? Ok : head.Status, block);
        for (int i = 0; i < head.Fields.Count; i++)
        {
            HeaderField field = head.Fields[i];

            // RFC 8441 §5: the answer to the key belongs to the handshake of HTTP/1.1.
            if (!HeadProperties.Contains(field.Name) && !(isUpgrade && field.Name.SequenceEqual("sec-websocket-accept"u8)))
            {
                block.Add(field.Name, field.Value, field.NeverIndex);
            }
        }

        // RFC 9110 §8.6: none in 1xx and 204, nor in what opens a tunnel.
        if (head.Status is >= Ok and not 204 && head.Body.Kind != BodyKind.Tunnel)
        {
            Http2Bodies.Write(head.Body, block);
        }
    }

    private static void WriteStatus(int status, HeaderList block)
    {
        ReadOnlySpan<byte> name = ":status"u8;
        Span<byte> tail = block.Tail(name.Length + 3);
        name.CopyTo(tail);
        tail[name.Length] = (byte)('0' + (status / 100));
        tail[name.Length + 1] = (byte)('0' + (status / 10 % 10));
        tail[name.Length + 2] = (byte)('0' + (status % 10));
        block.CommitTail(name.Length, 3, neverIndex: false);
    }
}
