using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Mesh.Control.Dialects.Traffic;
using Mesh.Control.Model.Inputs;
using Mesh.Control.Model.Traffic;

namespace Mesh.Control.Dialects.Istio;

/// <summary>Reads what the proxy answers by itself: redirects and responses.</summary>
internal static class AnswerReader
{
    private const int MovedPermanently = 301;
    private const int BodyBytesMax = 1024 * 1024;
    private const int BodyBytesWarned = 100 * 1024;

    private static readonly string[] s_redirectFields =
        ["authority", "derivePort", "port", "prefixRewrite", "redirectCode", "scheme", "uri"];

    private static readonly string[] s_responseFields = ["body", "status"];
    private static readonly string[] s_bodyFields = ["bytes", "string"];

    public static RedirectAction? ReadRedirect(FieldReader rule, List<MatchSpec> matches)
    {
        if (rule.Section("redirect") is not { } redirect)
        {
            return null;
        }

        redirect.RefuseUnknown("redirect", s_redirectFields);
        if (redirect.Entries.Count == 0)
        {
            rule.Error("redirect", "It redirects nowhere.");
        }

        int status = redirect.Integer("redirectCode", MovedPermanently, 308) ?? MovedPermanently;
        if (status is not (301 or 302 or 303 or 307 or 308))
        {
            redirect.Error("redirectCode", $"{status} is not a status of a redirect.", "Write 301, 302, 303, 307 or 308.");
        }

        string? scheme = redirect.Text("scheme");
        if (scheme is not (null or "http" or "https"))
        {
            redirect.Error("scheme", $"'{scheme}' is neither http nor https.");
        }

        (string? host, int? port) = ReadAuthority(redirect);
        int? ownPort = redirect.Integer("port", 1, TrafficFields.PortMax);
        string? derive = redirect.Text("derivePort");
        if (derive is not (null or "FROM_PROTOCOL_DEFAULT" or "FROM_REQUEST_PORT"))
        {
            redirect.Error("derivePort", $"'{derive}' says nothing.", "Write FROM_PROTOCOL_DEFAULT or FROM_REQUEST_PORT.");
        }

        if (derive is not null && redirect.Has("port"))
        {
            redirect.Error("derivePort", "The port is given already.");
        }

        return new RedirectAction(status)
        {
            Scheme = scheme,
            Host = host,
            Path = ReadPath(redirect, matches),
            Port = ownPort ?? (derive is null ? port : null),
            KeepsPort = derive == "FROM_REQUEST_PORT" || (derive is null && host is null),
        };
    }

    public static DirectResponseAction? ReadDirectResponse(FieldReader rule)
    {
        if (rule.Section("directResponse") is not { } response)
        {
            return null;
        }

        response.RefuseUnknown("directResponse", s_responseFields);
        if (!response.Has("status"))
        {
            response.Error("status", "The field is required.");
        }

        int status = response.Integer("status", 200, 599) ?? 0;
        byte[] body = ReadBody(response);
        if (body.Length > BodyBytesMax)
        {
            response.Error("body", $"{body.Length} bytes; {BodyBytesMax} are allowed.");
        }
        else if (body.Length > BodyBytesWarned)
        {
            response.Warning("body", $"{body.Length} bytes are held by every proxy.");
        }

        return new DirectResponseAction(status, ImmutableArray.Create(body));
    }

    private static byte[] ReadBody(FieldReader response)
    {
        if (response.Section("body") is not { } body)
        {
            return [];
        }

        body.RefuseUnknown("body", s_bodyFields);
        if (body.Has("string") && body.Has("bytes"))
        {
            body.Error("bytes", "A body is string or bytes, not both.");
        }

        if (body.Text("bytes") is { } base64)
        {
            byte[] decoded = new byte[base64.Length];
            if (Convert.TryFromBase64String(base64, decoded, out int written))
            {
                return decoded[..written];
            }

            body.Error("bytes", "Must be base64.");
        }

        return Encoding.UTF8.GetBytes(body.Text("string") ?? string.Empty);
    }

    private static (string? Host, int? Port) ReadAuthority(FieldReader redirect)
    {
        if (redirect.Text("authority") is not { Length: > 0 } authority || !redirect.CheckValue("authority", authority))
        {
            return (null, null);
        }

        int colon = authority.LastIndexOf(':');
        if (colon < 0 || colon < authority.LastIndexOf(']'))
        {
            return (authority, null);
        }

        if (int.TryParse(authority.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out int port)
            && port is > 0 and <= TrafficFields.PortMax)
        {
            return (authority[..colon], port);
        }

        redirect.Error("authority", $"'{authority}' has no port behind its colon.");
        return (null, null);
    }

    private static PathRewrite? ReadPath(FieldReader redirect, List<MatchSpec> matches)
    {
        string? uri = redirect.Text("uri");
        string? prefix = redirect.Text("prefixRewrite");
        if (uri is not null && prefix is not null)
        {
            redirect.Error("prefixRewrite", "A redirect has uri or prefixRewrite, not both.");
        }

        if (prefix is not null && !(matches.Count > 0 && matches.TrueForAll(match => match.Match.Path?.Kind == PathConditionKind.Prefix)))
        {
            redirect.Error("prefixRewrite", "Every match of the route must ask for a prefix.");
        }

        return uri is not null && redirect.CheckValue("uri", uri) ? new PathRewrite(uri, ReplacesMatchedPart: false)
            : prefix is not null && redirect.CheckValue("prefixRewrite", prefix) ? new PathRewrite(prefix, ReplacesMatchedPart: true)
            : null;
    }
}
