using System.Buffers.Text;
using System.Text.Json.Nodes;
using Mesh.Testing.Kubernetes;

namespace Mesh.Control.Tests.Support.Kubernetes;

/// <summary>Tokens of service accounts, of a form that an API server of tests knows.</summary>
internal static class AccountTokens
{
    public const string Proxy = "system:serviceaccount:mesh-node:mesh-node-proxy";

    /// <summary>A token, made known to the API server.</summary>
    public static string Give(
        ApiServer server, string node, string user = Proxy, string audience = "istio-ca", string pod = "proxy-1", string uid = "uid-1")
    {
        string token = Make(user, audience, TimeProvider.System.GetUtcNow().AddHours(1), pod);
        server.Tokens[token] = new ApiToken(user, audience, pod, uid, node);
        return token;
    }

    public static string Make(string user, string audience, DateTimeOffset expiresAt, string signature = "AAAA")
    {
        var payload = new JsonObject
        {
            ["iss"] = "https://kubernetes.default.svc",
            ["sub"] = user,
            ["aud"] = new JsonArray(audience),
            ["exp"] = expiresAt.ToUnixTimeSeconds(),
        };
        return $"{Encode("{\"alg\":\"RS256\"}")}.{Encode(payload.ToJsonString())}.{Encode(signature)}";
    }

    private static string Encode(string text) => Base64Url.EncodeToString(System.Text.Encoding.UTF8.GetBytes(text));
}
