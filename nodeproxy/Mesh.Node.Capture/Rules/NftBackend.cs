using System.Collections.Concurrent;
using Mesh.Interop.Linux;

namespace Mesh.Node.Capture.Rules;

/// <summary>Rules by nft: one table for both families, replaced in one transaction.</summary>
internal sealed class NftBackend(NamespaceTools tools) : IRuleBackend
{
    private const int ListingsMax = 256;

    // What nft prints for each script, found out in an empty namespace: its spelling changes from version to version.
    private readonly ConcurrentDictionary<string, string> _listings = new(StringComparer.Ordinal);

    public CaptureBackend Kind => CaptureBackend.Nft;

    public bool RefusesByItself => true;

    public async Task ProbeAsync(CapturePlan plan, CancellationToken cancellation) => _ = await ExpectAsync(ScriptOf(plan), cancellation);

    public async Task ApplyAsync(NetNamespace network, CapturePlan plan, CancellationToken cancellation) =>
        await LoadAsync(network, ScriptOf(plan) + await RemovalOfOthersAsync(network, cancellation), cancellation);

    public Task SwitchStageAsync(NetNamespace network, CapturePlan plan, CancellationToken cancellation) =>
        LoadAsync(network, ScriptOf(plan), cancellation);

    public async Task<IReadOnlyList<string>> CompareAsync(NetNamespace network, CapturePlan plan, CancellationToken cancellation)
    {
        string expected = await ExpectAsync(ScriptOf(plan), cancellation);
        NftListing present = await ListAsync(network, cancellation);
        return
        [
            .. NftText.Differences(expected, present.Tables.GetValueOrDefault(NftText.Table)),
            .. present.Ours.Where(table => table != NftText.Table).Select(table => $"nft: table inet {table} is not expected"),
        ];
    }

    public async Task<bool> HasRulesAsync(NetNamespace network, CancellationToken cancellation) =>
        NamespaceTools.Find("nft") is not null && (await ListAsync(network, cancellation)).Ours.Any();

    public Task RaiseGuardAsync(NetNamespace network, CancellationToken cancellation) =>
        LoadAsync(network, NftText.WriteReplacement(NftText.GuardTable, [CaptureRules.BuildGuard()]), cancellation);

    public async Task RemoveAsync(NetNamespace network, CancellationToken cancellation)
    {
        if (NamespaceTools.Find("nft") is null)
        {
            return;
        }

        string script = string.Concat((await ListAsync(network, cancellation)).Ours.Select(table => $"delete table inet {table}\n"));
        if (script.Length > 0)
        {
            await LoadAsync(network, script, cancellation);
        }
    }

    /// <summary>The guard and tables of other versions go in the transaction that makes them unnecessary.</summary>
    private async Task<string> RemovalOfOthersAsync(NetNamespace network, CancellationToken cancellation) => string.Concat(
        (await ListAsync(network, cancellation)).Ours
            .Where(table => table != NftText.Table)
            .Select(table => $"delete table inet {table}\n"));

    private static string ScriptOf(CapturePlan plan) =>
        NftText.WriteReplacement(NftText.Table, CaptureRules.Build(plan, RefusalPlace.Anywhere));

    private async Task LoadAsync(NetNamespace network, string script, CancellationToken cancellation) =>
        (await tools.RunAsync(network, "nft", ["-f", "-"], script, cancellation)).OutputOrThrow();

    private async Task<NftListing> ListAsync(NetNamespace network, CancellationToken cancellation) =>
        NftListing.Parse((await tools.RunAsync(network, "nft", ["list", "ruleset", "inet"], "", cancellation)).OutputOrThrow());

    private async Task<string> ExpectAsync(string script, CancellationToken cancellation)
    {
        if (_listings.TryGetValue(script, out string? known))
        {
            return known;
        }

        using NetNamespace scratch = NetNamespace.Create();
        await LoadAsync(scratch, script, cancellation);
        string listing = (await ListAsync(scratch, cancellation)).Tables[NftText.Table];
        if (_listings.Count >= ListingsMax)
        {
            _listings.Clear();
        }

        _listings[script] = listing;
        return listing;
    }
}
