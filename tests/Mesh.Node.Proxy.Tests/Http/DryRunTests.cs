using System.Net.Sockets;
using Mesh.Node.Model.Policies;
using Mesh.Node.Model.Policies.Requests;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Proxy.Telemetry;
using Mesh.Node.Proxy.Tests.Paths;
using Mesh.Testing;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Http;

/// <summary>
/// Goal: a policy on trial is seen, where it would have decided, and changes nothing. Method: requests and bytes to applications whose
/// policies are in a dry run.
/// </summary>
public sealed class DryRunTests
{
    public static TheoryData<SameNodeMode> Ways => [SameNodeMode.Direct, SameNodeMode.Network];

    [LabTheory]
    [MemberData(nameof(Ways))]
    public async Task What_a_policy_on_trial_would_do_to_a_request_is_said_and_not_done(SameNodeMode mode)
    {
        await using HttpLab lab = await HttpLab.StartAsync(mode);
        LabPod pod = await lab.Node.AddPodAsync("server");
        await using HttpApp app = await HttpApp.StartAsync(pod, HttpLab.AppPort, context => context.Response.WriteAsync("ok"));
        HttpService service = lab.AddService("server", (pod, []));
        lab.Node.Configure(mesh =>
        {
            mesh.SetPolicy(OnTrial("denies", PolicyAction.Deny, "/secret"));
            mesh.SetPolicy(OnTrial("allows", PolicyAction.Allow, "/public"));
        });
        HttpClient http = lab.Http(service);
        Assert.Equal("ok", await http.GetStringAsync("/secret"));
        Assert.Equal("ok", await http.GetStringAsync("/public"));
        Assert.Equal("ok", await http.GetStringAsync("/other"));

        await lab.Node.WaitForLineAsync("/secret", "200", "istio_dry_run_deny_shadow_denied shop/denies[0]");
        await lab.Node.WaitForLineAsync("/public", "200", "istio_dry_run_allow_shadow_allowed shop/allows[0]");
        await lab.Node.WaitForLineAsync("/other", "200", "istio_dry_run_allow_shadow_denied shop/allows");
        foreach (DryRunResult result in Enum.GetValues<DryRunResult>())
        {
            Assert.Equal(1, lab.Node.DryRunsTotal(result));
        }
    }

    [LabFact]
    public async Task What_a_policy_on_trial_would_do_to_bytes_is_said_of_their_connection()
    {
        await using HttpLab lab = await HttpLab.StartAsync();
        LabPod pod = await lab.Node.AddPodAsync("server");
        pod.Echo(HttpLab.AppPort);
        HttpService service = lab.AddService("server", PortProtocol.Tcp, (pod, []));
        lab.Node.Configure(mesh => mesh.SetPolicy(OnTrial("denies", PolicyAction.Deny, "/secret")));
        using (Socket client = await lab.ConnectAsync(service))
        {
            Assert.Equal("hello", await LabPod.AskAsync(client, "hello"));
        }

        await lab.Node.WaitForLineAsync("connection complete", "istio_dry_run_deny_shadow_denied shop/denies[0]");
        Assert.Equal(1, lab.Node.DryRunsTotal(DryRunResult.DenyDenied));
    }

    private static AuthorizationPolicy OnTrial(string name, PolicyAction action, string path) => new("shop", name)
    {
        Scope = PolicyScope.Namespace,
        Action = action,
        IsDryRun = true,
        Rules =
        [
            new AuthorizationRule([new AuthorizationClause([new AuthorizationMatch
            {
                Request = new RequestConditions { Paths = [TextMatch.Prefix(path)] },
            }])]),
        ],
    };
}
