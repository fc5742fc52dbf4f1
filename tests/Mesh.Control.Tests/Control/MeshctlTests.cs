using System.Text.Json;
using Mesh.Api.Discovery;
using Mesh.Control.Serving.Xds;
using Mesh.Control.Tests.Support;
using Xunit;
using ProgramRun = Mesh.Testing.ProgramRun;

namespace Mesh.Control.Tests.Control;

/// <summary>What meshctl reads of the control plane is what it says, from no proxy at all to one that refuses.</summary>
public sealed class MeshctlTests
{
    [Fact]
    public async Task Status_follows_a_proxy_from_its_absence_to_its_refusal()
    {
        await using var control = new TestControlPlane();
        control.Write("a.yaml", Manifests.Namespace("shop") + Manifests.Pod("shop", "cart", "10.0.0.1"));
        string token = await control.CreateTokenAsync("node-1");
        await control.StartAsync();
        await control.WaitUntilReadyAsync();
        Assert.Equal(new ProgramRun(1, "No proxy is connected.\n", ""), await StatusAsync(control));

        using DiscoveryClient proxy = control.Discover("node-1", token);
        await proxy.SubscribeAsync(TypeUrls.Address);
        DeltaDiscoveryResponse first = await proxy.NextAsync();
        await ShowsAsync(control, type => type.GetProperty("sent").GetInt64() == 1);
        Assert.Equal(["Address", "PENDING", "1", "1", "0"], TypeOf(await StatusAsync(control)));

        await proxy.AckAsync(first);
        await ShowsAsync(control, type => type.GetProperty("acked").GetInt64() == 1);
        ProgramRun confirmed = await StatusAsync(control);
        Assert.Equal((0, ""), (confirmed.Code, confirmed.Errors));
        Assert.Equal(["Address", "SYNCED", "1", "1", "1"], TypeOf(confirmed));

        control.Write("c.yaml", Manifests.Pod("shop", "stock", "10.0.0.2"));
        await proxy.NackAsync(await proxy.NextAsync(), "no room for stock");
        await ShowsAsync(control, type => type.TryGetProperty("nacked", out _));
        ProgramRun refused = await StatusAsync(control);
        Assert.Equal(1, refused.Code);
        Assert.Equal("REFUSED", TypeOf(refused)[1]);
        Assert.Contains("(Address): no room for stock\n", refused.Output, StringComparison.Ordinal);
    }

    /// <summary>What stands in the table after node and address, each column by its heading.</summary>
    private static string[] TypeOf(ProgramRun status)
    {
        string[] lines = status.Output.Split('\n');
        string[] headings = lines[0].Split("  ", StringSplitOptions.RemoveEmptyEntries);
        string[] cells = lines[1].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(headings.Length, cells.Length);
        Assert.Equal("node-1", cells[0]);
        return cells[2..];
    }

    private static Task ShowsAsync(TestControlPlane control, Func<JsonElement, bool> isSo) => Eventually.TrueAsync(
        async () => (await control.AdminJsonAsync("/debug/proxies")).GetProperty("proxies").EnumerateArray()
            .SelectMany(proxy => proxy.GetProperty("types").EnumerateArray())
            .Any(isSo),
        "shown");

    private static Task<ProgramRun> StatusAsync(TestControlPlane control) =>
        ProgramRun.OfAsync("meshctl", "status", "--control", control.AdminEndPoint.ToString());
}
