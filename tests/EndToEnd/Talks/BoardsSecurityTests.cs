using Mesh.EndToEnd.Support;
using Mesh.Lab;
using Mesh.Lab.Processes;
using Mesh.Testing;
using Xunit;

namespace Mesh.EndToEnd.Talks;

/// <summary>
/// What the second talk shows about who may do what, and about what is outside, row by row. Goal: its manifests do what it says, applied as
/// they are. Method: as in <see cref="BoardsTalkTests"/>, with an issuer that publishes its keys where the manifest looks for them.
/// </summary>
[Collection(nameof(TalkGroup))]
public sealed class BoardsSecurityTests(TalkLab fixture) : IsolatedTests(fixture)
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    [LabFact]
    public async Task Row_2_13_Who_is_not_in_the_mesh_is_served_until_STRICT_and_refused_from_then_on()
    {
        LabPod outsider = await Lab.PodAsync("outside/client-1");
        string url = await fixture.Boards.UrlAsync("boards", "/shareditems");
        Assert.Equal((0, "items200"), await AskAsync(outsider));

        await EstablishAsync(TalkLab.Manifest("peer-authentication-strict"));
        await EstablishAsync(TalkLab.Manifest("destination-rule-istio-mutual"));

        // Reset, which curl says by one of these: 7 where that had come before it looked whether it was connected.
        Assert.Contains((await AskAsync(outsider)).ExitCode, (int[])[7, 35, 52, 56]);
        Assert.Equal((0, "items200"), await AskAsync(await Lab.PodAsync("boards/app-ui")));
        Assert.Equal((0, "items200"), await AskAsync(await Lab.PodAsync("mesh/client-2")));

        async Task<(int ExitCode, string Output)> AskAsync(LabPod client)
        {
            CommandResult result = await client.ExecuteAsync("curl", "-sS", "--max-time", "30", "-w", "%{http_code}", url);
            return (result.ExitCode, result.Output);
        }
    }

    [LabFact]
    public async Task Row_2_14_and_2_15_Tokens_are_verified_with_the_issuers_keys_and_their_claims_decide()
    {
        (string, string) cool = ("realm_access_roles", "cool-kids");
        (string, string) open = ("scope", "profile openid");
        string plain = fixture.Keycloak.Token();

        await EstablishAsync(TalkLab.Manifest("boards-jwt"));
        await Eventually.TrueAsync(
            async () => await StatusAsync("GET", plain) == "200", s_limit, "The issuer's keys have come, and its tokens are accepted");
        Assert.Equal("200", await StatusAsync("GET", token: null));
        Assert.Equal("401", await StatusAsync("GET", "nonsense"));
        Assert.Equal("401", await StatusAsync("GET", Keycloak.ForgedToken(cool)));

        await EstablishAsync(TalkLab.Manifest("boards-authorization"));
        Assert.Equal("403", await StatusAsync("POST", token: null));
        Assert.Equal("403", await StatusAsync("POST", plain));
        Assert.Equal("403", await StatusAsync("POST", fixture.Keycloak.Token(open)));
        Assert.Equal("200", await StatusAsync("POST", fixture.Keycloak.Token(cool)));
        Assert.Equal("200", await StatusAsync("GET", fixture.Keycloak.Token(open)));
        Assert.Equal("403", await StatusAsync("GET", fixture.Keycloak.Token(cool)));
        Assert.Equal("401", await StatusAsync("POST", Keycloak.ForgedToken(cool)));
        Assert.Equal("403", await StatusAsync("DELETE", fixture.Keycloak.Token(cool, open)));
    }

    [LabFact]
    public async Task Row_2_17_Sites_outside_are_reached_by_name_as_entries_of_the_mesh()
    {
        await using NameServer names = NameServer.Start(Lab.Place("node-1"), fixture.Keycloak.Pod.Address4);
        await EstablishAsync(TalkLab.Manifest("service-entries"));
        string folder = Directory.CreateTempSubdirectory("outside-").FullName;
        try
        {
            // The pod asks no server that exists: what knows the names is the mesh.
            await File.WriteAllTextAsync(Path.Combine(folder, "resolv.conf"), "nameserver 10.1.2.250\noptions timeout:10 attempts:3\n");
            await File.WriteAllTextAsync(Path.Combine(folder, "roots.pem"), fixture.Keycloak.CertificatePem);
            LabPod client = await Lab.PodAsync("boards/app-ui");
            foreach (string host in (string[])[Keycloak.Host, Keycloak.OtherHost])
            {
                string curl = $"curl -sS --max-time 30 --cacert {folder}/roots.pem https://{host}/";
                string script = $"mount --bind {folder}/resolv.conf /etc/resolv.conf && exec {curl}";
                string text = "";
                await Eventually.TrueAsync(
                    async () =>
                    {
                        CommandResult result = await client.ExecuteAsync("unshare", "-m", "sh", "-c", script);
                        text = result.Output + result.Errors;
                        return result.Output == Keycloak.Greeting;
                    },
                    s_limit,
                    host);
                MetricSamples samples = await (await Lab.NodeAsync("node-1")).MetricsAsync();
                Assert.True(samples.Sum("istio_tcp_connections_opened_total", ("reporter", "source"), ("destination_service", host)) > 0, text);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private async Task<string> StatusAsync(string method, string? token)
    {
        LabPod client = await Lab.PodAsync("boards/app-ui");
        string[] field = token is null ? [] : ["-H", $"Authorization: Bearer {token}"];
        string url = await fixture.Boards.UrlAsync("boards", "/shareditems");
        return await client.OutputAsync(
            ["curl", "-sS", "--max-time", "30", "-o", "/dev/null", "-w", "%{http_code}", "-X", method, .. field, url]);
    }
}
