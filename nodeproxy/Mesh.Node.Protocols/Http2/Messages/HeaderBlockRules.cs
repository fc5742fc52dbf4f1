using System.Buffers;
using Mesh.Node.Protocols.Http;

namespace Mesh.Node.Protocols.Http2.Messages;

/// <summary>What makes a message malformed (RFC 9113 §8.1.1 to §8.3, RFC 8441 §4). Pure; CONNECT and ordinary HTTP alike.</summary>
public static class HeaderBlockRules
{
    private static readonly SearchValues<byte> s_schemeBytes =
        SearchValues.Create("+-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"u8);

    /// <summary>Checks the head of a request.</summary>
    /// <param name="headers">The decoded block.</param>
    /// <param name="allowConnectProtocol">True when the server advertised SETTINGS_ENABLE_CONNECT_PROTOCOL.</param>
    /// <param name="facts">What the connection needs to know of it.</param>
    public static HeaderVerdict CheckRequest(HeaderList headers, bool allowConnectProtocol, out MessageFacts facts)
    {
        facts = new MessageFacts { ContentBytes = -1 };
        bool hasMethod = false;
        bool hasScheme = false;
        bool hasPath = false;
        bool hasAuthority = false;
        bool hasProtocol = false;
        ReadOnlySpan<byte> authority = default;
        ReadOnlySpan<byte> path = default;
        ReadOnlySpan<byte> scheme = default;

        int pseudoCount = 0;
        for (; pseudoCount < headers.Count && headers[pseudoCount].IsPseudo; pseudoCount++)
        {
            HeaderField field = headers[pseudoCount];
            ReadOnlySpan<byte> value = field.Value;
            HeaderVerdict verdict = CheckValue(value);
            if (verdict != HeaderVerdict.Ok)
            {
                return verdict;
            }

            bool isRepeated;
            if (field.Name.SequenceEqual(":method"u8))
            {
                isRepeated = hasMethod;
                hasMethod = true;
                facts.IsConnect = value.SequenceEqual("CONNECT"u8);
                facts.IsHead = value.SequenceEqual("HEAD"u8);
                if (!FieldRules.IsToken(value))
                {
                    return HeaderVerdict.BadPseudoValue;
                }
            }
            else if (field.Name.SequenceEqual(":scheme"u8))
            {
                isRepeated = hasScheme;
                hasScheme = true;
                scheme = value;
            }
            else if (field.Name.SequenceEqual(":path"u8))
            {
                isRepeated = hasPath;
                hasPath = true;
                path = value;
            }
            else if (field.Name.SequenceEqual(":authority"u8))
            {
                isRepeated = hasAuthority;
                hasAuthority = true;
                authority = value;
            }
            else if (field.Name.SequenceEqual(":protocol"u8) && allowConnectProtocol)
            {
                isRepeated = hasProtocol;
                hasProtocol = true;
                if (!FieldRules.IsToken(value))
                {
                    return HeaderVerdict.BadPseudoValue;
                }
            }
            else
            {
                return HeaderVerdict.UnknownPseudo;
            }

            if (isRepeated)
            {
                return HeaderVerdict.RepeatedPseudo;
            }
        }

        if (!hasMethod)
        {
            return HeaderVerdict.MissingPseudo;
        }

        if (facts.IsConnect && !hasProtocol)
        {
            // RFC 9113 §8.5: a CONNECT names its target in :authority and has neither scheme nor path.
            if (hasScheme || hasPath)
            {
                return HeaderVerdict.UnexpectedPseudo;
            }

            if (!hasAuthority || authority.IsEmpty)
            {
                return HeaderVerdict.MissingPseudo;
            }
        }
        else
        {
            if (hasProtocol && !facts.IsConnect)
            {
                return HeaderVerdict.UnexpectedPseudo;
            }

            if (!hasScheme || !hasPath || (hasProtocol && !hasAuthority))
            {
                return HeaderVerdict.MissingPseudo;
            }

            if (!IsScheme(scheme) || !IsPath(path, headers, hasProtocol))
            {
                return HeaderVerdict.BadPseudoValue;
            }
        }

        // RFC 9113 §8.3.1: the deprecated userinfo part is no part of an authority.
        if (authority.Contains((byte)'@') || authority.Contains((byte)' '))
        {
            return HeaderVerdict.BadPseudoValue;
        }

        HeaderVerdict fields = CheckFields(headers, pseudoCount, ref facts);
        if (fields != HeaderVerdict.Ok)
        {
            return fields;
        }

        // Host and :authority name one server, or two servers would disagree about who was asked (RFC 9113 §8.3.1).
        return hasAuthority && headers.TryGet("host"u8, out ReadOnlySpan<byte> host) && !FieldRules.EqualsIgnoreCase(host, authority)
            ? HeaderVerdict.HostMismatch
            : HeaderVerdict.Ok;
    }

    /// <summary>Checks the head of a response, informational or final (<see cref="MessageFacts.Status"/>).</summary>
    public static HeaderVerdict CheckResponse(HeaderList headers, out MessageFacts facts)
    {
        facts = new MessageFacts { ContentBytes = -1 };
        if (headers.Count == 0 || !headers[0].IsPseudo)
        {
            return HeaderVerdict.MissingPseudo;
        }

        if (!headers[0].Name.SequenceEqual(":status"u8))
        {
            return HeaderVerdict.UnknownPseudo;
        }

        if (headers.Count > 1 && headers[1].IsPseudo)
        {
            return headers[1].Name.SequenceEqual(":status"u8) ? HeaderVerdict.RepeatedPseudo : HeaderVerdict.UnknownPseudo;
        }

        facts.Status = FieldRules.ParseStatus(headers[0].Value);

        // 101 does not exist in HTTP/2 (RFC 9113 §8.6).
        return facts.Status is 0 or 101 ? HeaderVerdict.BadPseudoValue : CheckFields(headers, 1, ref facts);
    }

    /// <summary>Checks trailers: fields without pseudo-headers.</summary>
    public static HeaderVerdict CheckTrailers(HeaderList headers)
    {
        var facts = new MessageFacts { ContentBytes = -1 };
        return CheckFields(headers, 0, ref facts);
    }

    private static HeaderVerdict CheckFields(HeaderList headers, int first, ref MessageFacts facts)
    {
        bool hasHost = false;
        for (int i = first; i < headers.Count; i++)
        {
            HeaderField field = headers[i];
            ReadOnlySpan<byte> name = field.Name;
            if (field.IsPseudo)
            {
                return HeaderVerdict.MisplacedPseudo;
            }

            if (!FieldRules.IsLowerToken(name))
            {
                return HeaderVerdict.BadName;
            }

            HeaderVerdict verdict = CheckValue(field.Value);
            if (verdict != HeaderVerdict.Ok)
            {
                return verdict;
            }

            verdict = CheckSpecial(name, field.Value, ref hasHost, ref facts);
            if (verdict != HeaderVerdict.Ok)
            {
                return verdict;
            }
        }

        return HeaderVerdict.Ok;
    }

    /// <summary>The few names with a rule of their own; told apart by length first, because most fields are none of them.</summary>
    private static HeaderVerdict CheckSpecial(
        ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, ref bool hasHost, ref MessageFacts facts)
    {
        switch (name.Length)
        {
            case 2 when name.SequenceEqual("te"u8):
                // The one hop-by-hop field with a use here (RFC 9113 §8.2.2).
                return FieldRules.EqualsIgnoreCase(value, "trailers"u8) ? HeaderVerdict.Ok : HeaderVerdict.ConnectionSpecific;

            case 4 when name.SequenceEqual("host"u8):
                bool isRepeated = hasHost;
                hasHost = true;
                return isRepeated ? HeaderVerdict.HostMismatch : HeaderVerdict.Ok;

            case 7 when name.SequenceEqual("upgrade"u8):
            case 10 when name.SequenceEqual("connection"u8) || name.SequenceEqual("keep-alive"u8):
            case 16 when name.SequenceEqual("proxy-connection"u8):
            case 17 when name.SequenceEqual("transfer-encoding"u8):
                return HeaderVerdict.ConnectionSpecific;

            case 14 when name.SequenceEqual("content-length"u8):
                long contentBytes = FieldRules.ParseContentLength(value);
                if (contentBytes < 0 || (facts.ContentBytes >= 0 && facts.ContentBytes != contentBytes))
                {
                    return HeaderVerdict.BadContentLength;
                }

                facts.ContentBytes = contentBytes;
                return HeaderVerdict.Ok;

            default:
                return HeaderVerdict.Ok;
        }
    }

    private static HeaderVerdict CheckValue(ReadOnlySpan<byte> value)
    {
        if (value.IsEmpty)
        {
            return HeaderVerdict.Ok;
        }

        bool isPadded = FieldRules.IsWhitespace(value[0]) || FieldRules.IsWhitespace(value[^1]);
        return isPadded || !FieldRules.IsValue(value) ? HeaderVerdict.BadValue : HeaderVerdict.Ok;
    }

    private static bool IsScheme(ReadOnlySpan<byte> value) =>
        !value.IsEmpty && char.IsAsciiLetter((char)value[0]) && !value.ContainsAnyExcept(s_schemeBytes);

    private static bool IsPath(ReadOnlySpan<byte> path, HeaderList headers, bool isConnect)
    {
        if (path.IsEmpty || path.ContainsAny((byte)' ', (byte)'\t', (byte)'#'))
        {
            return false;
        }

        // RFC 9113 §8.3.1: "*" belongs to OPTIONS; everything else begins with a slash.
        return path[0] == (byte)'/'
            || (!isConnect && path.SequenceEqual("*"u8)
                && headers.TryGet(":method"u8, out ReadOnlySpan<byte> method) && method.SequenceEqual("OPTIONS"u8));
    }
}
