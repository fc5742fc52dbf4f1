using System.Buffers.Text;
using Mesh.Node.Model.Routing;
using Mesh.Node.Protocols.Http;

namespace Mesh.Node.Proxy.Http.Outbound;

/// <summary>
/// Tells browsers what scripts of other origins may do (the Fetch standard's CORS protocol), as a route says it and as Envoy's filter does:
/// what the upstream says of the same in its answer is replaced.
/// </summary>
internal static class CorsFields
{
    /// <summary>Answers a preflight that ends here: of an allowed origin, or of another that the policy does not let pass.</summary>
    /// <param name="policy">The route's.</param>
    /// <param name="request">The request as it came.</param>
    /// <param name="answer">Replaced when the result is true.</param>
    /// <returns>False for what is to go on, preflight or not.</returns>
    public static bool TryAnswerPreflight(CorsPolicy policy, RequestHead request, ResponseHead answer)
    {
        if (!request.Method.SequenceEqual("OPTIONS"u8)
            || !request.Fields.TryGet("access-control-request-method"u8, out ReadOnlySpan<byte> method) || method.IsEmpty
            || !TryGetOrigin(request.Fields, out ReadOnlySpan<byte> origin))
        {
            return false;
        }

        bool isAllowed = policy.AllowsOrigin(origin);
        if (!isAllowed && policy.ForwardsUnmatchedPreflights)
        {
            return false;
        }

        answer.Clear();
        answer.Status = 200;
        answer.Body = BodyFraming.OfLength(0);
        if (isAllowed)
        {
            request.Fields.TryGet("access-control-request-headers"u8, out ReadOnlySpan<byte> headers);
            SetList("access-control-allow-methods"u8, policy.AllowMethodsValue, method, policy, answer.Fields);
            SetList("access-control-allow-headers"u8, policy.AllowHeadersValue, headers, policy, answer.Fields);
            if (policy.MaxAge is TimeSpan age)
            {
                Span<byte> digits = stackalloc byte[20];
                Utf8Formatter.TryFormat((long)age.TotalSeconds, digits, out int bytes);
                answer.Fields.Set("access-control-max-age"u8, digits[..bytes]);
            }
        }

        return true;
    }

    /// <summary>Says in an answer that scripts of the request's origin may read it, where that origin is allowed.</summary>
    public static void Set(CorsPolicy policy, RequestHead request, HeaderList fields)
    {
        if (!TryGetOrigin(request.Fields, out ReadOnlySpan<byte> origin) || !policy.AllowsOrigin(origin))
        {
            return;
        }

        fields.Set("access-control-allow-origin"u8, origin);
        if (policy.AllowsCredentials)
        {
            fields.Set("access-control-allow-credentials"u8, "true"u8);
        }

        if (!policy.ExposeHeadersValue.IsEmpty)
        {
            fields.Set("access-control-expose-headers"u8, policy.ExposeHeadersValue);
        }
    }

    /// <summary>With credentials a star is a name like others to a browser, so what was asked for is said in its place.</summary>
    private static void SetList(
        ReadOnlySpan<byte> name, ReadOnlySpan<byte> list, ReadOnlySpan<byte> asked, CorsPolicy policy, HeaderList fields)
    {
        ReadOnlySpan<byte> value = policy.AllowsCredentials && list.SequenceEqual("*"u8) ? asked : list;
        if (!value.IsEmpty)
        {
            fields.Set(name, value);
        }
    }

    /// <summary>The origin, if there is one: of two, nobody can say which a script has.</summary>
    private static bool TryGetOrigin(HeaderList fields, out ReadOnlySpan<byte> origin)
    {
        origin = default;
        int count = 0;
        for (int i = 0; i < fields.Count; i++)
        {
            if (fields[i].Name.SequenceEqual("origin"u8))
            {
                origin = fields[i].Value;
                count++;
            }
        }

        return count == 1 && !origin.IsEmpty;
    }
}
