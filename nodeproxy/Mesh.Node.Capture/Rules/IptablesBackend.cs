using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Net.Sockets;
using Mesh.Interop.Linux;

namespace Mesh.Node.Capture.Rules;

/// <summary>Rules by iptables-restore, over nf_tables or over the older x_tables: one batch per family, atomic per table.</summary>
internal sealed class IptablesBackend : IRuleBackend
{
    private const int DumpsMax = 256;
    private const string GuardPrefix = IptablesText.ChainPrefix + "GUARD_";

    private readonly NamespaceTools _tools;
    private readonly string _flavour;

    // What iptables-save prints for each batch, found out in an empty namespace: its spelling changes from version to version.
    private readonly ConcurrentDictionary<(AddressFamily Family, string Batch), IptablesDump> _dumps = new();

    /// <param name="tools">Runs the tools.</param>
    /// <param name="kind"><see cref="CaptureBackend.IptablesNft"/> or <see cref="CaptureBackend.IptablesLegacy"/>.</param>
    public IptablesBackend(NamespaceTools tools, CaptureBackend kind)
    {
        _tools = tools;
        Kind = kind;
        _flavour = kind == CaptureBackend.IptablesNft ? "nft" : "legacy";
    }

    public CaptureBackend Kind { get; }

    // TPROXY drops what it finds no listener for.
    public bool RefusesByItself => false;

    public async Task ProbeAsync(CapturePlan plan, CancellationToken cancellation)
    {
        foreach (AddressFamily family in NamespaceSettings.FamiliesOfThisKernel())
        {
            _ = await ExpectAsync(CaptureRules.Build(plan, RefusalPlace.Input), family, cancellation);
        }
    }

    public async Task ApplyAsync(NetNamespace network, CapturePlan plan, CancellationToken cancellation)
    {
        ImmutableArray<RuleTable> tables = CaptureRules.Build(plan, RefusalPlace.Input);
        foreach (AddressFamily family in NamespaceSettings.FamiliesOfThisKernel())
        {
            IptablesDump current = await SaveAsync(network, family, cancellation);
            if (CapturesOtherwise(current, tables))
            {
                // Tables change one after the other, so between them nothing would be captured.
                await RestoreAsync(network, family, GuardBatch(current, family), cancellation);
                current = await SaveAsync(network, family, cancellation);
            }

            string replacement = IptablesText.WriteReplacement(tables, current, family, chain => !IsGuard(chain));
            await RestoreAsync(network, family, replacement, cancellation);
            await RestoreAsync(network, family, IptablesText.WriteRemoval(current, IsGuard), cancellation);
        }
    }

    public Task SwitchStageAsync(NetNamespace network, CapturePlan plan, CancellationToken cancellation)
    {
        ImmutableArray<RuleTable> tables = CaptureRules.Build(plan, RefusalPlace.Input);
        return Task.WhenAll(NamespaceSettings.FamiliesOfThisKernel().Select(family =>
            RestoreAsync(network, family, IptablesText.WriteChains(tables, family, CaptureRules.IsTakingChain), cancellation)));
    }

    public async Task<IReadOnlyList<string>> CompareAsync(NetNamespace network, CapturePlan plan, CancellationToken cancellation)
    {
        ImmutableArray<RuleTable> tables = CaptureRules.Build(plan, RefusalPlace.Input);
        List<string> differences = [];
        foreach (AddressFamily family in NamespaceSettings.FamiliesOfThisKernel())
        {
            IptablesDump expected = await ExpectAsync(tables, family, cancellation);
            IptablesDump present = await SaveAsync(network, family, cancellation);
            differences.AddRange(present.DifferencesFrom(expected, NamespaceSettings.NameOf(family)));
        }

        return differences;
    }

    public async Task<bool> HasRulesAsync(NetNamespace network, CancellationToken cancellation)
    {
        foreach (AddressFamily family in NamespaceSettings.FamiliesOfThisKernel())
        {
            if ((await SaveIfInstalledAsync(network, family, cancellation)).HasOurs)
            {
                return true;
            }
        }

        return false;
    }

    public async Task RaiseGuardAsync(NetNamespace network, CancellationToken cancellation)
    {
        foreach (AddressFamily family in NamespaceSettings.FamiliesOfThisKernel())
        {
            IptablesDump current = await SaveAsync(network, family, cancellation);
            await RestoreAsync(network, family, GuardBatch(current, family), cancellation);
        }
    }

    public async Task RemoveAsync(NetNamespace network, CancellationToken cancellation)
    {
        foreach (AddressFamily family in NamespaceSettings.FamiliesOfThisKernel())
        {
            IptablesDump before = await SaveIfInstalledAsync(network, family, cancellation);
            if (before.HasOurs)
            {
                await RestoreAsync(network, family, IptablesText.WriteRemoval(before, _ => true), cancellation);
                await RemoveBlankTablesAsync(network, family, before, cancellation);
            }
        }
    }

    private static bool IsGuard(string chain) => chain.StartsWith(GuardPrefix, StringComparison.Ordinal);

    private static string GuardBatch(IptablesDump current, AddressFamily family) =>
        IptablesText.WriteReplacement([CaptureRules.BuildGuard()], current, family, IsGuard);

    /// <summary>Whether rules of ours are there, and their chains are not those of the new rules.</summary>
    private static bool CapturesOtherwise(IptablesDump current, ImmutableArray<RuleTable> tables) => current.HasOurs
        && tables.Any(table => table.Chains.Any(
            chain => !current.ChainsOf(IptablesText.NameOf(table.Kind)).Contains(IptablesText.ChainPrefix + chain.Name)));

    private string Tool(AddressFamily family, string suffix) =>
        $"{(family == AddressFamily.InterNetwork ? "iptables" : "ip6tables")}-{_flavour}{suffix}";

    private async Task<IptablesDump> SaveAsync(NetNamespace network, AddressFamily family, CancellationToken cancellation) =>
        IptablesDump.Parse((await _tools.RunAsync(network, Tool(family, "-save"), [], "", cancellation)).OutputOrThrow());

    private async Task<IptablesDump> SaveIfInstalledAsync(NetNamespace network, AddressFamily family, CancellationToken cancellation) =>
        NamespaceTools.Find(Tool(family, "-save")) is null ? IptablesDump.Empty : await SaveAsync(network, family, cancellation);

    private async Task RestoreAsync(NetNamespace network, AddressFamily family, string batch, CancellationToken cancellation)
    {
        if (batch.Length > 0)
        {
            (await _tools.RunAsync(network, Tool(family, "-restore"), ["--noflush", "--wait", "5"], batch, cancellation)).OutputOrThrow();
        }
    }

    private async Task<IptablesDump> ExpectAsync(ImmutableArray<RuleTable> tables, AddressFamily family, CancellationToken cancellation)
    {
        string batch = IptablesText.WriteReplacement(tables, IptablesDump.Empty, family, _ => true);
        if (_dumps.TryGetValue((family, batch), out IptablesDump? known))
        {
            return known;
        }

        using NetNamespace scratch = NetNamespace.Create();
        await RestoreAsync(scratch, family, batch, cancellation);
        IptablesDump dump = await SaveAsync(scratch, family, cancellation);
        if (_dumps.Count >= DumpsMax)
        {
            _dumps.Clear();
        }

        _dumps[(family, batch)] = dump;
        return dump;
    }

    /// <summary>iptables over nf_tables makes its tables on first use; those that our rules made go with them.</summary>
    private async Task RemoveBlankTablesAsync(
        NetNamespace network, AddressFamily family, IptablesDump before, CancellationToken cancellation)
    {
        if (Kind != CaptureBackend.IptablesNft)
        {
            return;
        }

        IptablesDump after = await SaveAsync(network, family, cancellation);
        foreach (string table in before.Tables.Keys.Where(table => before.ChainsOf(table).Any(IptablesText.IsOurs) && after.IsBlank(table)))
        {
            // Without a chain's name this removes built-in chains too, and only while they are empty.
            (await _tools.RunAsync(network, Tool(family, ""), ["-t", table, "-X"], "", cancellation)).OutputOrThrow();
            if (NamespaceTools.Find("nft") is not null)
            {
                string nftFamily = family == AddressFamily.InterNetwork ? "ip" : "ip6";
                ToolResult listed = await _tools.RunAsync(network, "nft", ["list", "table", nftFamily, table], "", cancellation);
                if (listed.Status == 0 && !listed.Output.Contains("chain", StringComparison.Ordinal))
                {
                    (await _tools.RunAsync(network, "nft", ["delete", "table", nftFamily, table], "", cancellation)).OutputOrThrow();
                }
            }
        }
    }
}
