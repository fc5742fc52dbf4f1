using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Mesh.EndToEnd.Support;
using Mesh.Lab;
using Mesh.Lab.Processes;
using Mesh.Testing;
using Xunit;

namespace Mesh.EndToEnd;

[Collection(nameof(TproxyGroup))]
public sealed class TproxyTokenTests(TproxyLab fixture) : TokenTests(fixture);

/// <summary>
/// Tokens as users guard services with them. Goal: RequestAuthentication and conditions on claims hold on the node of the application,
/// whether its client is on that node or on another. Method: an issuer of the test's own, a service with an endpoint on each node, and curl.
/// </summary>
public abstract class TokenTests(TwoNodeLab fixture) : IsolatedTests(fixture)
{
    private const string Issuer = "https://issuer.example";

    private static readonly RSA s_key = RSA.Create(2048);
    private static readonly RSA s_otherKey = RSA.Create(2048);

    [LabFact]
    public async Task Tokens_are_verified_and_claims_decide_on_both_nodes()
    {
        RSAParameters key = s_key.ExportParameters(includePrivateParameters: false);
        string set = $$"""
            {"keys":[{"kty":"RSA","kid":"k","n":"{{Base64Url.EncodeToString(key.Modulus)}}","e":"{{Base64Url.EncodeToString(key.Exponent)}}"}]}
            """;
        await ApplyAsync($$"""
            apiVersion: v1
            kind: Pod
            metadata: {name: vault-1, namespace: mesh, labels: {app: vault} }
            spec: {nodeName: node-1, serviceAccountName: server, containers: [{name: main, command: [lab-app, http, --port, "8080", --name, v1]}]}
            ---
            apiVersion: v1
            kind: Pod
            metadata: {name: vault-2, namespace: mesh, labels: {app: vault} }
            spec: {nodeName: node-2, serviceAccountName: server, containers: [{name: main, command: [lab-app, http, --port, "8080", --name, v2]}]}
            ---
            apiVersion: v1
            kind: Service
            metadata: {name: vault, namespace: mesh}
            spec: {selector: {app: vault}, ports: [{name: http, port: 80, targetPort: 8080}]}
            ---
            apiVersion: security.istio.io/v1
            kind: RequestAuthentication
            metadata: {name: vault, namespace: mesh}
            spec:
              selector: {matchLabels: {app: vault} }
              jwtRules: [{issuer: "{{Issuer}}", audiences: [vault], jwks: '{{set}}'}]
            ---
            apiVersion: security.istio.io/v1
            kind: AuthorizationPolicy
            metadata: {name: vault, namespace: mesh}
            spec:
              selector: {matchLabels: {app: vault} }
              rules:
              - to: [{operation: {paths: ["/open*"]} }]
              - from: [{source: {requestPrincipals: ["{{Issuer}}/*"]} }]
                when: [{key: "request.auth.claims[realm][roles]", values: [keeper]}]
            """);
        await Fixture.ReadyAsync();
        await Fixture.SettleAsync();
        foreach (string name in (string[])["mesh/vault-1", "mesh/vault-2"])
        {
            LabPod pod = await Lab.PodAsync(name);
            await Eventually.TrueAsync(() => pod.IsListeningAsync(8080), TimeSpan.FromSeconds(30));
        }

        // Often enough to meet both endpoints: each row is asked on the way within one node and between two.
        string keeper = Sign("""{"iss":"https://issuer.example","sub":"a","aud":"vault","exp":9999999999,"realm":{"roles":["keeper"]}}""", s_key);
        string guest = Sign("""{"iss":"https://issuer.example","sub":"a","aud":"vault","exp":9999999999,"realm":{"roles":["guest"]}}""", s_key);
        await AllAsync("200", "/open", null);
        await AllAsync("200", "/open", guest);
        await AllAsync("200", "/closed", keeper);
        await AllAsync("403", "/closed", guest);
        await AllAsync("403", "/closed", null);
        await AllAsync("401", "/open", Sign("""{"iss":"https://issuer.example","sub":"a","aud":"vault","exp":1}""", s_key));
        await AllAsync("401", "/open", Sign("""{"iss":"https://issuer.example","sub":"a","aud":"vault"}""", s_otherKey));
        await AllAsync("401", "/open", Sign("""{"iss":"https://other.example","sub":"a","aud":"vault"}""", s_key));
        await AllAsync("403", "/open", Sign("""{"iss":"https://issuer.example","sub":"a","aud":"other"}""", s_key));
        await AllAsync("401", "/open", Unsigned("""{"iss":"https://issuer.example","sub":"a","aud":"vault"}"""));

        string refused = await CurlAsync("/open", ["-i", "-H", "Authorization: Bearer nonsense"]);
        Assert.Contains("\r\nwww-authenticate: Bearer realm=\"http://", refused, StringComparison.OrdinalIgnoreCase);
        Assert.EndsWith("Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections", refused, StringComparison.Ordinal);
    }

    private static string Sign(string claims, RSA key)
    {
        string text = $"{Encode("""{"alg":"RS256","kid":"k"}""")}.{Encode(claims)}";
        byte[] signature = key.SignData(Encoding.ASCII.GetBytes(text), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        return $"{text}.{Base64Url.EncodeToString(signature)}";
    }

    private static string Unsigned(string claims) => $"{Encode("""{"alg":"none"}""")}.{Encode(claims)}.AA";

    private static string Encode(string text) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(text));

    private async Task AllAsync(string expected, string path, string? token)
    {
        const int Requests = 12;
        string[] header = token is null ? [] : ["-H", $"Authorization: Bearer {token}"];
        string answers = await CurlAsync($"{path}?[1-{Requests}]", ["-o", "/dev/null", "-w", "%{http_code} ", .. header]);
        Assert.Equal(string.Concat(Enumerable.Repeat(expected + " ", Requests)), answers);
    }

    private async Task<string> CurlAsync(string path, string[] more)
    {
        string address = (await Lab.StatusAsync()).Services.Single(service => service.Name == "vault").Addresses[0];
        LabPod client = await Lab.PodAsync("mesh/client-1");
        CommandResult result = await client.ExecuteAsync(["curl", "-sS", "--max-time", "30", .. more, $"http://{address}{path}"]);
        Assert.True(result.ExitCode == 0, result.Errors);
        return result.Output;
    }
}
