using System.Buffers;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Tokens;
using Mesh.Node.Proxy.Http.Exchanges;
using Mesh.Node.Proxy.Telemetry.Requests;

namespace Mesh.Node.Proxy.Authentication;

/// <summary>What a client is told whose token is not accepted, in Envoy's words (reference B.8).</summary>
internal static class TokenAnswers
{
    private const int GrpcPermissionDenied = 7;
    private const int GrpcUnavailable = 14;
    private const int GrpcUnauthenticated = 16;
    private const int RealmBytesMax = 256;

    /// <summary>What a realm may hold beside letters and digits; a quoted text would end at others, or be escaped.</summary>
    private static readonly SearchValues<byte> s_realm = SearchValues.Create(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:/[]@!$&'()*+,;=%"u8);

    private static readonly LocalAnswer[] s_answers = [.. Enum.GetValues<TokenFault>().Select(Make)];

    /// <summary>There are more tokens to verify than this node can.</summary>
    public static LocalAnswer Overloaded { get; } = new(
        503, GrpcUnavailable, ResponseFlag.OverloadManager, ResponseDetails.Overload, "too many tokens are to be verified");

    /// <summary>The answer to a fault; not to <see cref="TokenFault.None"/>.</summary>
    public static LocalAnswer Of(TokenFault fault) => s_answers[(int)fault];

    /// <summary>Adds the field by which a client learns that a token is missing or bad (RFC 6750 §3).</summary>
    /// <param name="request">As it came.</param>
    /// <param name="fields">Of the answer.</param>
    public static void Challenge(RequestHead request, HeaderList fields)
    {
        Span<byte> value = stackalloc byte[RealmBytesMax + 64];
        int bytes = Append(value, 0, "Bearer realm=\""u8);
        int realmEnd = bytes + RealmBytesMax;
        bytes = AppendRealm(value[..realmEnd], bytes, request.Scheme);
        bytes = AppendRealm(value[..realmEnd], bytes, "://"u8);
        bytes = AppendRealm(value[..realmEnd], bytes, request.Authority);
        int query = request.Path.IndexOf((byte)'?');
        bytes = AppendRealm(value[..realmEnd], bytes, query < 0 ? request.Path : request.Path[..query]);
        bytes = Append(value, bytes, "\", error=\"invalid_token\""u8);
        fields.Set("www-authenticate"u8, value[..bytes]);
    }

    private static int Append(Span<byte> value, int bytes, ReadOnlySpan<byte> part)
    {
        part.CopyTo(value[bytes..]);
        return bytes + part.Length;
    }

    /// <summary>Appends what fits, up to the first byte that is none of a realm's.</summary>
    private static int AppendRealm(Span<byte> value, int bytes, ReadOnlySpan<byte> part)
    {
        int odd = part.IndexOfAnyExcept(s_realm);
        part = odd < 0 ? part : part[..odd];
        return Append(value, bytes, part[..Math.Min(part.Length, value.Length - bytes)]);
    }

    private static LocalAnswer Make(TokenFault fault)
    {
        string text = TextOf(fault);
        bool isAudience = fault == TokenFault.AudienceNotAllowed;
        return new LocalAnswer(
            isAudience ? 403 : 401,
            isAudience ? GrpcPermissionDenied : GrpcUnauthenticated,
            ResponseFlag.UnauthorizedExternalService,
            $"{ResponseDetails.TokenDenied}{{{text.Replace(' ', '_')}}}",
            text)
        {
            IsChallenge = true,
        };
    }

    private static string TextOf(TokenFault fault) => fault switch
    {
        TokenFault.BadForm => "Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections",
        TokenFault.HeaderEncoding => "Jwt header is an invalid Base64url encoded",
        TokenFault.HeaderJson => "Jwt header is an invalid JSON",
        TokenFault.AlgorithmMissing => "Jwt header [alg] field is required and must be a string",
        TokenFault.AlgorithmUnsupported => "Jwt header [alg] is not supported",
        TokenFault.KeyIdentifier => "Jwt header [kid] field is not a string",
        TokenFault.CriticalHeader => "Jwt header [crit] is not supported",
        TokenFault.PayloadEncoding => "Jwt payload is an invalid Base64url encoded",
        TokenFault.PayloadJson => "Jwt payload is an invalid JSON",
        TokenFault.ClaimType => "Jwt payload has a registered claim of another type",
        TokenFault.SignatureEncoding => "Jwt signature is an invalid Base64url encoded",
        TokenFault.UnknownIssuer => "Jwt issuer is not configured",
        TokenFault.Expired => "Jwt is expired",
        TokenFault.NotYetValid => "Jwt not yet valid",
        TokenFault.AudienceNotAllowed => "Audiences in Jwt are not allowed",
        TokenFault.KeyMissing => "Jwks doesn't have key to match kid or alg from Jwt",
        TokenFault.TooMany => "Request has too many Jwts",
        _ => "Jwt verification fails",
    };
}
