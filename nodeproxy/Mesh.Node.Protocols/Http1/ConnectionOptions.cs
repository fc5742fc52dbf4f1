using System.Text;
using Mesh.Node.Protocols.Http;

namespace Mesh.Node.Protocols.Http1;

/// <summary>What the Connection fields of one head say (RFC 9110 §7.6.1). Reused; owned by the reader of heads.</summary>
internal sealed class ConnectionOptions
{
    private readonly HeaderList _named = new();

    public bool HasClose { get; private set; }

    public bool HasKeepAlive { get; private set; }

    public bool HasUpgrade { get; private set; }

    public void Clear()
    {
        _named.Clear();
        HasClose = false;
        HasKeepAlive = false;
        HasUpgrade = false;
    }

    /// <summary>Reads one Connection field. Empty elements are skipped, as lists of HTTP allow them (RFC 9110 §5.6.1.2).</summary>
    public Http1Refusal Read(ReadOnlySpan<byte> value)
    {
        bool isAtEnd = false;
        while (!isAtEnd)
        {
            ReadOnlySpan<byte> option = FieldRules.NextElement(ref value, ref isAtEnd);
            if (option.IsEmpty)
            {
                continue;
            }

            if (option.ContainsAnyExcept(FieldRules.TokenBytes))
            {
                return Http1Refusal.BadConnectionOption;
            }

            if (Ascii.EqualsIgnoreCase(option, "close"u8))
            {
                HasClose = true;
            }
            else if (Ascii.EqualsIgnoreCase(option, "keep-alive"u8))
            {
                HasKeepAlive = true;
            }
            else if (Ascii.EqualsIgnoreCase(option, "upgrade"u8))
            {
                HasUpgrade = true;
            }
            else
            {
                Span<byte> name = _named.Tail(option.Length);
                Ascii.ToLower(option, name, out _);
                if (IsForbidden(name[..option.Length]))
                {
                    return Http1Refusal.ForbiddenConnectionOption;
                }

                _named.CommitTail(option.Length, 0, neverIndex: false);
            }
        }

        return Http1Refusal.None;
    }

    /// <summary>Removes the fields that were named: they were meant for us alone.</summary>
    public void RemoveNamed(HeaderList fields)
    {
        for (int i = 0; i < _named.Count; i++)
        {
            fields.Remove(_named[i].Name);
        }
    }

    /// <summary>True when the connection outlives the message (RFC 9112 §9.3).</summary>
    public bool IsPersistent(HttpProtocol protocol) => !HasClose && (protocol != HttpProtocol.Http10 || HasKeepAlive);

    /// <summary>
    /// Fields on which framing, routing, identity or the record of who asked depend: to have them removed by naming them here is an
    /// attack, and no sender may name what is for all recipients.
    /// </summary>
    private static bool IsForbidden(ReadOnlySpan<byte> name) => name.Length switch
    {
        4 => name.SequenceEqual("host"u8),
        6 => name.SequenceEqual("cookie"u8) || name.SequenceEqual("expect"u8),
        9 => name.SequenceEqual("forwarded"u8),
        13 => name.SequenceEqual("authorization"u8) || name.SequenceEqual("cache-control"u8),
        14 => name.SequenceEqual("content-length"u8),
        _ => false,
    } || name.StartsWith("x-forwarded-"u8) || name.StartsWith("x-envoy-"u8);
}
