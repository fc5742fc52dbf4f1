using System.Diagnostics;
using System.Globalization;
using System.Text;
using Mesh.Lab.Cli;
using Mesh.Lab.Holding;
using Mesh.Lab.Manifests;
using Mesh.Lab.Processes;

namespace Mesh.Lab.Demo;

/// <summary>
/// The shop: brought up, looked at, locked down. Every claim is proved by what a client's application sees or by what stood on the wire,
/// and
/// the demo fails when one does not hold.
/// </summary>
internal sealed class ShopDemo(LabClient client, DemoOutput output)
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    /// <summary>Who asks whom; the node of each pod tells how it must be carried.</summary>
    private static readonly Expected[] s_expected =
    [
        new("customer", "web", Protection.MutualTls),
        new("web", "catalog", Protection.SameNode, Protection.MutualTls),
        new("web", "cart", Protection.MutualTls),
        new("catalog", "stock", Protection.SameNode, Protection.MutualTls),
        new("cart", "stock", Protection.MutualTls),
        new("cart", "ledger", Protection.SameNode),
    ];

    public static string ManifestDirectory => Path.Combine(Repository.Root, "tests", "Mesh.Lab", "Shop");

    private static string PolicyDirectory => Path.Combine(Repository.Root, "tests", "Mesh.Lab", "ShopPolicies");

    public async Task RunAsync(LabStatus status)
    {
        output.Heading("A shop on two nodes, of applications that know nothing of any mesh");
        output.Block(StatusText.Render(status));
        await ShowConversationsAsync();
        await ShowWireAsync();
        await ShowStrictAsync();
        await ShowDenyAsync();
    }

    private async Task ShowConversationsAsync()
    {
        output.Heading("Who talks to whom, and how it is protected");
        IReadOnlyList<Conversation> conversations = [];
        await TryUntilAsync(async () =>
        {
            conversations = await ReadConversationsAsync();
            return s_expected.All(expected => IsThere(conversations, expected));
        });
        var table = new TextTable("FROM", "TO", "REQUESTS", "CONNECTIONS", "BYTES", "PROTECTED BY");
        foreach (Conversation conversation in conversations)
        {
            table.Add(
                conversation.Source,
                conversation.Destination,
                Count(conversation.Requests),
                Count(conversation.Connections),
                conversation.Bytes.ToString(CultureInfo.InvariantCulture),
                Words(conversation.Protection));
        }

        output.Block(table.Render(""));
        foreach (Expected expected in s_expected)
        {
            string protections = string.Join(" and ", expected.Protections.Select(Words));
            output.Claim($"{expected.Source} reaches {expected.Destination}: {protections}", IsThere(conversations, expected));
        }

        bool isAllProtected = conversations.All(conversation => conversation.Protection != Protection.Plaintext);
        output.Claim("nothing inside the shop is carried in the clear", isAllProtected);
    }

    private async Task ShowWireAsync()
    {
        output.Heading("What can be read on the wire between the nodes");
        string inside = $"card-number-{Guid.NewGuid()}";
        string outside = $"card-number-{Guid.NewGuid()}";
        await using PacketCapture capture = await PacketCapture.StartAsync(client);
        await CurlAsync("shop/customer", "http://stock:8080/", $"x-secret: {inside}");
        await CurlAsync("outside/legacy", "http://cart.shop:8080/", $"x-secret: {outside}");

        // The open one was sent last: when it has been seen, the other would have been.
        bool isOutsideSeen = await capture.WaitForAsync(Encoding.ASCII.GetBytes(outside), s_patience);
        output.Claim("what a program outside the mesh sends can be read", isOutsideSeen);
        output.Claim("what a customer of the shop sends cannot", !capture.Has(Encoding.ASCII.GetBytes(inside)));
    }

    private async Task ShowStrictAsync()
    {
        output.Heading("STRICT: no identity, no answer");
        await ShowAsync("outside/legacy", "http://stock.shop:8080/", "before, a program without an identity is served", isAnswered: true);
        await ApplyAsync("strict.yaml");
        await ShowAsync("outside/legacy", "http://stock.shop:8080/", "after, it is refused, and knows at once", isAnswered: false);
        await ShowAsync("shop/customer", "http://web:8080/", "the shop itself notices nothing", isAnswered: true);
    }

    private async Task ShowDenyAsync()
    {
        output.Heading("Deny: an identity, but the wrong one");
        await ShowAsync("shop/marketing", "http://stock:8080/", "before, marketing may ask the stock", isAnswered: true);
        await ApplyAsync("deny-marketing.yaml");
        await ShowAsync("shop/marketing", "http://stock:8080/", "after, it may not", isAnswered: false);
        await ShowAsync("shop/marketing", "http://catalog:8080/", "it may ask the catalog, which may ask the stock", isAnswered: true);
        string? line = await FindRefusalAsync();
        output.Claim("the proxy says which policy decided", line is not null);
        output.Block(line ?? "");
    }

    /// <summary>
    /// Tries until the client sees what is claimed, shows its own words, and tries once more: the first may have been luck.
    /// </summary>
    private async Task ShowAsync(string pod, string url, string claim, bool isAnswered)
    {
        CommandResult result = new(-1, "", "");
        bool holds = await TryUntilAsync(async () => ((result = await CurlAsync(pod, url)).ExitCode == 0) == isAnswered);
        holds &= ((result = await CurlAsync(pod, url)).ExitCode == 0) == isAnswered;
        output.Transcript($"./run.sh lab exec {pod} -- curl {url}", result.ExitCode == 0 ? result.Output : result.Errors);
        output.Claim(claim, holds);
    }

    private Task<CommandResult> CurlAsync(string pod, string url, string header = "accept: */*")
    {
        ProcessStartInfo start = client.Describe(
            pod.Replace('/', '.'), ["curl", "--silent", "--show-error", "--fail", "--max-time", "5", "--header", header, url]);
        return Command.TryRunAsync([start.FileName, .. start.ArgumentList]);
    }

    private async Task ApplyAsync(string policy)
    {
        string path = Path.Combine(PolicyDirectory, policy);
        LabResponse response = await client.SendAsync(new LabRequest.Apply(ManifestReader.ReadFiles(path)));
        output.Transcript($"./run.sh lab apply -f {Path.GetRelativePath(Repository.Root, path)}", string.Join('\n', response.Lines));
    }

    private async Task<IReadOnlyList<Conversation>> ReadConversationsAsync()
    {
        LabStatus status = await client.StatusAsync();
        var scrapes = new List<MetricSamples>();
        foreach (NodeStatus node in status.Nodes)
        {
            ProcessStartInfo start = client.Describe(node.Name, ["curl", "--silent", "--fail", "http://127.0.0.1:15020/metrics"]);
            scrapes.Add(MetricSamples.Parse(await Command.RunAsync([start.FileName, .. start.ArgumentList])));
        }

        return Conversation.Read(scrapes);
    }

    private async Task<string?> FindRefusalAsync()
    {
        string path = Path.Combine(client.Directory.Logs, "node-1.proxy.log");
        string? line = null;
        await TryUntilAsync(() =>
        {
            line = LogFile.ReadLines(path).LastOrDefault(
                text => text.Contains("policy[deny-marketing]", StringComparison.Ordinal));
            return Task.FromResult(line is not null);
        });
        return line;
    }

    private static bool IsThere(IReadOnlyList<Conversation> conversations, Expected expected)
    {
        return expected.Protections.All(protection => conversations.Any(seen =>
            seen.Source == expected.Source && seen.Destination == expected.Destination && seen.Protection == protection));
    }

    /// <summary>A conversation has requests or connections; of the other nothing is said.</summary>
    private static string Count(long count) => count == 0 ? "" : count.ToString(CultureInfo.InvariantCulture);

    private static string Words(Protection protection) => protection switch
    {
        Protection.MutualTls => "mutual TLS",
        Protection.SameNode => "one hop on the node",
        _ => "nothing",
    };

    private static async Task<bool> TryUntilAsync(Func<Task<bool>> condition)
    {
        long startedAt = Stopwatch.GetTimestamp();
        while (!await condition())
        {
            if (Stopwatch.GetElapsedTime(startedAt) > s_patience)
            {
                return false;
            }

            await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System);
        }

        return true;
    }

    /// <summary>A conversation that must be seen, in each of the ways it is to be carried.</summary>
    private sealed record Expected(string Source, string Destination, params Protection[] Protections);
}
