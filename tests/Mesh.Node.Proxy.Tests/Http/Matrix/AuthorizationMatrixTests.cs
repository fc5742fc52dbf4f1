using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Mesh.Node.Model.Policies;
using Mesh.Node.Proxy.Tests.Authentication;
using Mesh.Node.Proxy.Tests.Paths;
using Mesh.Testing;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Http.Matrix;

/// <summary>
/// Goal: what Istio documents of AuthorizationPolicy holds for real requests: methods, paths, identities, tokens and actions against each
/// other. Method: sets of policies from a generator, every request of a matrix under each of them, and an oracle that knows the
/// documentation only.
/// </summary>
public sealed class AuthorizationMatrixTests
{
    private const int SetsOfEachWay = 12;

    private static readonly string[] s_methods = ["GET", "POST", "DELETE"];
    private static readonly string[] s_paths = ["/", "/a", "/a/b", "/a/b/c", "/public/x", "/admin"];

    /// <summary>Claims by name; none for no token.</summary>
    private static readonly (string Name, string[] Values)[]?[] s_tokens =
    [
        null,
        [("sub", ["alice"]), ("aud", ["shop", "more"]), ("azp", ["app"]), ("role", ["admin", "guest"]), ("scope", ["read write"])],
        [("sub", ["bob"]), ("aud", ["shop"]), ("role", ["guest"]), ("scope", ["read"])],
    ];

    [LabTheory]
    [InlineData(SameNodeMode.Direct, 1_000)]
    [InlineData(SameNodeMode.Network, 2_000)]
    public async Task Every_request_is_judged_as_documented(SameNodeMode mode, int seed)
    {
        await using HttpLab lab = await HttpLab.StartAsync(mode);
        LabPod server = await lab.Node.AddPodAsync("server");
        LabPod other = await lab.Node.AddPodAsync("other");
        LabPod stranger = await lab.Node.AddStrangerAsync("stranger");
        await using HttpApp app = await HttpApp.StartAsync(server, HttpLab.AppPort, context => context.Response.WriteAsync("ok"));
        HttpService service = lab.AddService("server", (server, []));
        lab.Node.Configure(mesh => mesh.SetPolicy(Tokens()));
        int allowed = 0;
        int denied = 0;
        for (int set = 0; set < SetsOfEachWay; set++)
        {
            PolicySpec[] policies = new PolicyGenerator(seed + set).Policies();
            lab.Node.Configure(mesh =>
            {
                for (int index = 0; index < 3; index++)
                {
                    string name = string.Create(CultureInfo.InvariantCulture, $"policy-{index}");
                    mesh.RemovePolicy($"shop/{name}");
                    if (index < policies.Length)
                    {
                        mesh.SetPolicy(policies[index].ToModel(name));
                    }
                }
            });
            bool[][] answers = await Task.WhenAll(
                AskAllAsync(policies, lab.Client, service.Address, 80, "client"),
                AskAllAsync(policies, other, service.Address, 80, "other"),
                AskAllAsync(policies, stranger, server.Address, HttpLab.AppPort, null));
            allowed += answers.Sum(some => some.Count(isAllowed => isAllowed));
            denied += answers.Sum(some => some.Count(isAllowed => !isAllowed));
        }

        // Either would be right for a matrix that asks nothing.
        Assert.True(allowed > 200 && denied > 200, $"{allowed} allowed, {denied} denied");
        Assert.Equal(allowed, app.Requests.Count);
    }

    private static AuthorizationPolicy Tokens() => new("shop", "tokens")
    {
        Action = PolicyAction.Deny,
        Scope = PolicyScope.Namespace,
        TokenRules = [TestIssuer.Rule(TestIssuer.Rsa())],
    };

    /// <summary>Every request of the matrix from one client, each with what the oracle says of it.</summary>
    private static async Task<bool[]> AskAllAsync(PolicySpec[] policies, LabPod from, IPAddress address, int port, string? account)
    {
        using var handler = new SocketsHttpHandler
        {
            UseProxy = false,
            ConnectCallback = async (_, _) => new NetworkStream(await from.ConnectAsync(address, port), ownsSocket: true),
        };
        using var http = new HttpClient(handler) { BaseAddress = new Uri("http://server/"), Timeout = LabNode.Patience };
        List<bool> answers = [];
        foreach ((string Name, string[] Values)[]? claims in s_tokens)
        {
            string? token = claims is null ? null : Sign(claims);
            foreach (string method in s_methods)
            {
                foreach (string path in s_paths)
                {
                    // Each path has the field with one value, with another, or does not have it.
                    string? role = (answers.Count % 3) switch { 0 => "admin", 1 => "guest", _ => null };
                    var asked = new Asked(
                        method,
                        path,
                        "server",
                        role is null ? new Dictionary<string, string>() : new Dictionary<string, string> { ["x-role"] = role },
                        account,
                        from.Address,
                        HttpLab.AppPort,
                        claims is null ? null : new Dictionary<string, string[]>(
                            claims.Select(claim => KeyValuePair.Create(claim.Name, claim.Values)).Append(new("iss", [TestIssuer.Issuer]))));
                    answers.Add(await AskAsync(http, policies, asked, token));
                }
            }
        }

        return [.. answers];
    }

    private static async Task<bool> AskAsync(HttpClient http, PolicySpec[] policies, Asked asked, string? token)
    {
        bool isAllowed = PolicyOracle.Allows(policies, asked);
        using var request = new HttpRequestMessage(new HttpMethod(asked.Method), asked.Path);
        request.Headers.Authorization = token is null ? null : new AuthenticationHeaderValue("Bearer", token);
        foreach ((string name, string value) in asked.Headers)
        {
            request.Headers.Add(name, value);
        }

        HttpResponseMessage? sent = await SendAsync(http, request, mayBeReset: asked.Account is null && !isAllowed);
        if (sent is null)
        {
            return false;
        }

        using HttpResponseMessage answer = sent;
        string text = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        (int Status, string Text) expected = isAllowed ? (200, "ok") : (403, "RBAC: access denied");
        Assert.True(
            expected == ((int)answer.StatusCode, text),
            $"{(int)answer.StatusCode} {text} and not {expected.Status} for {asked.Method} {asked.Path} of {asked.Account ?? "a stranger"}"
            + $" with {string.Join(',', asked.Headers.Values)} and {asked.Token?["sub"][0] ?? "no token"} under\n"
            + string.Join('\n', policies.Select(policy => policy.ToString())));
        return isAllowed;
    }

    /// <summary>A plaintext connection of which every request is denied is reset before it carries one.</summary>
    /// <returns>Null where it was, and may be.</returns>
    private static async Task<HttpResponseMessage?> SendAsync(HttpClient http, HttpRequestMessage request, bool mayBeReset)
    {
        try
        {
            return await http.SendAsync(request, TestContext.Current.CancellationToken);
        }
        catch (Exception exception) when (mayBeReset && exception is (HttpRequestException or SocketException))
        {
            // Whoever looks first sees the reset, who writes after it a broken pipe, who reads after it the end: each is no answer.
            return null;
        }
    }

    private static string Sign((string Name, string[] Values)[] claims) => TestIssuer.Sign(TestIssuer.Claims(
    [
        .. claims.Select(claim => (claim.Name, claim.Values.Length == 1
            ? (JsonNode?)claim.Values[0]
            : new JsonArray([.. claim.Values.Select(value => (JsonNode?)value)]))),
    ]));
}
