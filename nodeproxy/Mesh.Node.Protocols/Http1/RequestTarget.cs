using System.Text;
using Mesh.Node.Protocols.Http;

namespace Mesh.Node.Protocols.Http1;

/// <summary>The four forms of a request's target (RFC 9112 §3.2). Pure.</summary>
internal static class RequestTarget
{
    private static ReadOnlySpan<byte> HttpScheme => "http"u8;

    private static ReadOnlySpan<byte> HttpsScheme => "https"u8;

    /// <summary>Reads a target into the head, whose method is known.</summary>
    /// <param name="target">What stands between the spaces.</param>
    /// <param name="head">Given scheme, authority where the target has one, and path.</param>
    /// <param name="isHttps">The scheme of a target that names none.</param>
    public static bool Read(ReadOnlySpan<byte> target, RequestHead head, bool isHttps)
    {
        if (target.IsEmpty || !TargetRules.IsText(target))
        {
            return false;
        }

        if (head.IsConnect)
        {
            head.Authority = target;
            return AuthorityRules.IsAuthorityWithPort(target);
        }

        bool isOptions = head.Method.SequenceEqual("OPTIONS"u8);
        if (target[0] == (byte)'/' || (isOptions && target.SequenceEqual("*"u8)))
        {
            head.Scheme = isHttps ? HttpsScheme : HttpScheme;
            head.Path = target;
            return true;
        }

        return ReadAbsolute(target, head, isOptions);
    }

    private static bool ReadAbsolute(ReadOnlySpan<byte> target, RequestHead head, bool isOptions)
    {
        int colon = target.IndexOf((byte)':');
        if (colon < 0 || !target[colon..].StartsWith("://"u8))
        {
            return false;
        }

        ReadOnlySpan<byte> scheme = target[..colon];
        if (Ascii.EqualsIgnoreCase(scheme, HttpScheme))
        {
            head.Scheme = HttpScheme;
        }
        else if (Ascii.EqualsIgnoreCase(scheme, HttpsScheme))
        {
            head.Scheme = HttpsScheme;
        }
        else
        {
            return false;
        }

        ReadOnlySpan<byte> rest = target[(colon + 3)..];
        int authorityBytes = rest.IndexOfAny((byte)'/', (byte)'?');
        ReadOnlySpan<byte> authority = authorityBytes < 0 ? rest : rest[..authorityBytes];
        ReadOnlySpan<byte> path = rest[authority.Length..];
        head.Authority = authority;
        if (path.IsEmpty)
        {
            // RFC 9112 §3.2.4: an OPTIONS of a whole server is written so by clients of proxies.
            head.Path = isOptions ? "*"u8 : "/"u8;
        }
        else if (path[0] == (byte)'?')
        {
            head.SetPath("/"u8, path);
        }
        else
        {
            head.Path = path;
        }

        return AuthorityRules.IsAuthority(authority);
    }
}
