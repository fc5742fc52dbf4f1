using System.Text;
using Mesh.Node.Protocols.Http;

namespace Mesh.Node.Protocols.Http2.Messages;

/// <summary>
/// Requests between the header blocks of HTTP/2 and the model both versions share (RFC 9113 §8.3.1, §8.5, RFC 8441). Pure; allocates
/// nothing in steady state.
/// </summary>
/// <remarks>
/// In the model an extended CONNECT is what it is in HTTP/1.1: a GET with <see cref="RequestHead.Upgrade"/>. Whoever sends it on as
/// HTTP/1.1 adds the key that a WebSocket needs there (<see cref="WebSocketHandshake"/>).
/// </remarks>
public static class Http2RequestHeads
{
    /// <summary>Reads a block into a head.</summary>
    /// <param name="block">One that <see cref="HeaderBlockRules.CheckRequest"/> has passed.</param>
    /// <param name="endStream">True when no content follows.</param>
    /// <param name="upgradeProtocols">What :protocol may ask for, as in <see cref="Http1.Http1Options.UpgradeProtocols"/>.</param>
    /// <param name="head">Filled.</param>
    /// <returns>
    /// False when the request, good as HTTP/2, cannot be said in the model: a path or an authority that HTTP/1.1 could not carry, a
    /// scheme of another protocol, an upgrade that does not pass, an expectation that nobody knows. The answer is 400.
    /// </returns>
    public static bool TryRead(HeaderList block, bool endStream, IReadOnlyList<string> upgradeProtocols, RequestHead head)
    {
        ArgumentNullException.ThrowIfNull(block);
        ArgumentNullException.ThrowIfNull(upgradeProtocols);
        ArgumentNullException.ThrowIfNull(head);
        head.Clear();
        head.Protocol = HttpProtocol.Http2;
        head.IsPersistent = true;
        int first = ReadPseudos(block, head);
        long contentBytes = ReadFields(block, first, head, out bool isKnownExpectation);
        if (!head.Upgrade.IsEmpty)
        {
            head.Method = "GET"u8;
        }
        else if (head.IsConnect)
        {
            head.Body = BodyFraming.Tunnel;
            return contentBytes < 0 && isKnownExpectation && AuthorityRules.IsAuthorityWithPort(head.Authority);
        }
        else
        {
            head.Body = Http2Bodies.Read(endStream, contentBytes);
        }

        head.ExpectsContinue &= head.Body.HasContent;
        return isKnownExpectation && IsSayable(head) && IsUpgradeAllowed(head.Upgrade, upgradeProtocols);
    }

    /// <summary>Writes a head as a block, for <see cref="Http2Connection.TryOpenStream"/>.</summary>
    /// <param name="head">Of either version.</param>
    /// <param name="block">Cleared and filled.</param>
    public static void Write(RequestHead head, HeaderList block)
    {
        ArgumentNullException.ThrowIfNull(head);
        ArgumentNullException.ThrowIfNull(block);
        block.Clear();
        bool isUpgrade = !head.Upgrade.IsEmpty;
        bool isTunnel = head.IsConnect;
        block.Add(":method"u8, isUpgrade ? "CONNECT"u8 : head.Method);
        if (isUpgrade)
        {
            WriteProtocol(head.Upgrade, block);
        }

        if (!isTunnel)
        {
            block.Add(":scheme"u8, head.Scheme);
        }

        if (!head.Authority.IsEmpty)
        {
            block.Add(":authority"u8, head.Authority);
        }

        if (!isTunnel)
        {
            block.Add(":path"u8, head.Path);
        }

        for (int i = 0; i < head.Fields.Count; i++)
        {
            HeaderField field = head.Fields[i];

            // RFC 8441 §5: the key belongs to the handshake of HTTP/1.1.
            if (!HeadProperties.Contains(field.Name) && !(isUpgrade && field.Name.SequenceEqual("sec-websocket-key"u8)))
            {
                block.Add(field.Name, field.Value, field.NeverIndex);
            }
        }

        if (!isTunnel && !isUpgrade)
        {
            Http2Bodies.Write(head.Body, block);
        }

        if (head.ExpectsContinue)
        {
            block.Add("expect"u8, "100-continue"u8);
        }

        if (head.AcceptsTrailers)
        {
            block.Add("te"u8, "trailers"u8);
        }
    }

    /// <returns>The index of the first field that is no pseudo-header.</returns>
    private static int ReadPseudos(HeaderList block, RequestHead head)
    {
        int at = 0;
        for (; at < block.Count && block[at].IsPseudo; at++)
        {
            HeaderField field = block[at];
            switch (field.Name.Length)
            {
                case 7 when field.Name.SequenceEqual(":method"u8):
                    head.Method = field.Value;
                    break;
                case 7 when field.Name.SequenceEqual(":scheme"u8):
                    head.Scheme = field.Value;
                    break;
                case 10 when field.Name.SequenceEqual(":authority"u8):
                    head.Authority = field.Value;
                    break;
                case 5:
                    head.Path = field.Value;
                    break;
                default:
                    head.Upgrade = field.Value;
                    break;
            }
        }

        return at;
    }

    /// <returns>The value of content-length, or -1.</returns>
    private static long ReadFields(HeaderList block, int first, RequestHead head, out bool isKnownExpectation)
    {
        long contentBytes = -1;
        isKnownExpectation = true;
        bool hasCookie = false;
        for (int i = first; i < block.Count; i++)
        {
            HeaderField field = block[i];
            if (!HeadProperties.Contains(field.Name))
            {
                if (!field.Name.SequenceEqual("cookie"u8))
                {
                    head.Fields.Add(field.Name, field.Value, field.NeverIndex);
                }
                else if (!hasCookie)
                {
                    hasCookie = true;
                    JoinCookies(block, i, head.Fields);
                }
            }
            else if (field.Name.SequenceEqual("content-length"u8))
            {
                contentBytes = FieldRules.ParseContentLength(field.Value);
            }
            else if (field.Name.SequenceEqual("te"u8))
            {
                head.AcceptsTrailers = true;
            }
            else if (field.Name.SequenceEqual("expect"u8))
            {
                head.ExpectsContinue = true;
                isKnownExpectation &= Ascii.EqualsIgnoreCase(field.Value, "100-continue"u8);
            }
            else if (head.Authority.IsEmpty)
            {
                // Of the rest only host passes the rules, and it says no other than :authority.
                head.Authority = field.Value;
            }
        }

        return contentBytes;
    }

    /// <summary>Joins the crumbs of cookies into the one field that other versions have (RFC 9113 §8.2.3).</summary>
    private static void JoinCookies(HeaderList block, int first, HeaderList fields)
    {
        ReadOnlySpan<byte> name = "cookie"u8;
        int bytes = name.Length;
        for (int i = first; i < block.Count; i++)
        {
            bytes += block[i].Name.SequenceEqual(name) ? block[i].Value.Length + 2 : 0;
        }

        Span<byte> tail = fields.Tail(bytes);
        name.CopyTo(tail);
        int at = name.Length;
        bool neverIndex = false;
        for (int i = first; i < block.Count; i++)
        {
            HeaderField field = block[i];
            if (field.Name.SequenceEqual(name))
            {
                ReadOnlySpan<byte> separator = at == name.Length ? default : "; "u8;
                separator.CopyTo(tail[at..]);
                field.Value.CopyTo(tail[(at + separator.Length)..]);
                at += separator.Length + field.Value.Length;
                neverIndex |= field.NeverIndex;
            }
        }

        fields.CommitTail(name.Length, at - name.Length, neverIndex);
    }

    private static bool IsSayable(RequestHead head)
    {
        bool isPath = TargetRules.IsPath(head.Path) || (head.Path.SequenceEqual("*"u8) && head.Method.SequenceEqual("OPTIONS"u8));
        bool isScheme = head.Scheme.SequenceEqual("http"u8) || head.Scheme.SequenceEqual("https"u8);

        // An http URI names a host (RFC 9110 §4.2.1), and HTTP/2 was never allowed to leave it out as HTTP/1.0 was.
        return isPath && isScheme && AuthorityRules.IsAuthority(head.Authority);
    }

    private static bool IsUpgradeAllowed(ReadOnlySpan<byte> upgrade, IReadOnlyList<string> upgradeProtocols)
    {
        if (upgrade.IsEmpty)
        {
            return true;
        }

        foreach (string allowed in upgradeProtocols)
        {
            if (Ascii.EqualsIgnoreCase(upgrade, allowed))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Protocols of Upgrade are compared without case, those of :protocol are registered in lower case.</summary>
    private static void WriteProtocol(ReadOnlySpan<byte> upgrade, HeaderList block)
    {
        ReadOnlySpan<byte> name = ":protocol"u8;
        Span<byte> tail = block.Tail(name.Length + upgrade.Length);
        name.CopyTo(tail);
        Ascii.ToLower(upgrade, tail[name.Length..], out _);
        block.CommitTail(name.Length, upgrade.Length, neverIndex: false);
    }
}
