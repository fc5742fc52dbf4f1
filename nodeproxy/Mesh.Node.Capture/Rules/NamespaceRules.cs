using Mesh.Interop.Linux;

namespace Mesh.Node.Capture.Rules;

/// <summary>
/// Everything capture puts into a namespace: rules, routes and kernel settings, by one back-end. Holds no state about namespaces: what is
/// there is read from there. Safe on any thread; two calls for one namespace must not overlap.
/// </summary>
public sealed class NamespaceRules
{
    private readonly IRuleBackend _backend;
    private readonly IReadOnlyList<IRuleBackend> _others;
    private readonly NamespaceTools _tools;

    private NamespaceRules(IRuleBackend backend, IReadOnlyList<IRuleBackend> others, NamespaceTools tools)
    {
        _backend = backend;
        _others = others;
        _tools = tools;
    }

    /// <summary>The rule interface in use.</summary>
    public CaptureBackend Backend => _backend.Kind;

    /// <summary>
    /// The proc file system in which settings of namespaces are written: containers have their own <c>/proc/sys</c> for reading only, and
    /// what stands below <c>sys/net</c> is the calling thread's namespace's in any.
    /// </summary>
    public string Proc { get; init; } = "/proc";

    /// <summary>
    /// Whether a captured connection that nobody takes is answered with a reset by the rules themselves. Where not, apply
    /// <see cref="CaptureStage.Refusing"/> while nobody listens in the namespace.
    /// </summary>
    /// <param name="mode">Which way connections reach the proxy. Redirected ones are reset by the kernel, as on any closed port.</param>
    public bool RefusesByItself(CaptureMode mode) => mode == CaptureMode.Redirect || _backend.RefusesByItself;

    /// <summary>Why DNS cannot be captured on this node; null where it can.</summary>
    public string? DnsObstacle { get; private init; }

    /// <summary>Finds out what works on this node, by trying it in an empty namespace.</summary>
    /// <param name="wanted">The rule interface, or the first that works.</param>
    /// <param name="mode">The mode it must carry.</param>
    /// <param name="lockDirectory">For lock files of iptables-legacy.</param>
    /// <param name="time">For limits.</param>
    /// <param name="cancellation">Ends the trial.</param>
    /// <param name="proc">What <see cref="Proc"/> is to be.</param>
    /// <exception cref="CaptureException">The one wanted, or none at all, works here; the message has each reason.</exception>
    public static async Task<NamespaceRules> DetectAsync(
        CaptureBackend wanted,
        CaptureMode mode,
        string lockDirectory,
        TimeProvider time,
        CancellationToken cancellation,
        string proc = "/proc")
    {
        var tools = new NamespaceTools(lockDirectory, time);
        IRuleBackend[] all = AllBackends(tools);
        List<string> reasons = [];
        foreach (IRuleBackend candidate in all.Where(backend => wanted == CaptureBackend.Auto || backend.Kind == wanted))
        {
            try
            {
                string? dnsObstacle = await ProbeAsync(candidate, mode, cancellation);
                IRuleBackend[] others = [.. all.Where(backend => backend != candidate)];
                return new NamespaceRules(candidate, others, tools) { Proc = proc, DnsObstacle = dnsObstacle };
            }
            catch (CaptureException unusable)
            {
                reasons.Add($"{candidate.Kind}: {unusable.Message}");
            }
            catch (PosixException unusable)
            {
                reasons.Add($"{candidate.Kind}: {unusable.Message}");
            }
        }

        throw new CaptureException($"Connections cannot be captured on this node in mode {mode}. {string.Join(" ", reasons)}");
    }

    /// <summary>Removes everything of any version and back-end from a namespace, whether or not anything works here otherwise.</summary>
    public static async Task RemoveAllAsync(NetNamespace network, string lockDirectory, TimeProvider time, CancellationToken cancellation)
    {
        var tools = new NamespaceTools(lockDirectory, time);
        foreach (IRuleBackend backend in AllBackends(tools))
        {
            await backend.RemoveAsync(network, cancellation);
        }

        PolicyRouting.Remove(network);
    }

    /// <summary>Reads a namespace back and compares.</summary>
    /// <returns>Each difference from what the plan demands, for an operator; none when all is as it must be.</returns>
    public async Task<IReadOnlyList<string>> CompareAsync(NetNamespace network, CapturePlan plan, CancellationToken cancellation) =>
    [
        .. await _backend.CompareAsync(network, plan, cancellation),
        .. PolicyRouting.Compare(network),
        .. NamespaceSettings.Differences(network),
    ];

    /// <summary>Makes a namespace what the plan demands, and reads back that it is so. Nothing leaks meanwhile.</summary>
    /// <exception cref="CaptureException">It could not be made so; the message says what was refused, or what still differs.</exception>
    public async Task ApplyAsync(NetNamespace network, CapturePlan plan, CancellationToken cancellation)
    {
        // 1. Routes first: what a rule marks must have somewhere to go.
        NamespaceSettings.Repair(network, Proc);
        PolicyRouting.Apply(network);

        // 2. Rules, each back-end's own way of doing it at once. Those of another back-end give way under a guard.
        List<IRuleBackend> replaced = await FindOthersAsync(network, cancellation);
        if (replaced.Count > 0)
        {
            await _backend.RaiseGuardAsync(network, cancellation);
            foreach (IRuleBackend other in replaced)
            {
                await other.RemoveAsync(network, cancellation);
            }
        }

        await _backend.ApplyAsync(network, plan, cancellation);

        // 3. Connection tracking begins with the first rule that needs it, and brings its settings.
        NamespaceSettings.Repair(network, Proc);

        // 4. What counts is what is there.
        IReadOnlyList<string> differences = await CompareAsync(network, plan, cancellation);
        if (differences.Count > 0)
        {
            throw new CaptureException($"The rules were written, but read back differently: {string.Join("; ", differences)}");
        }
    }

    /// <summary>
    /// Goes between <see cref="CaptureStage.Refusing"/> and <see cref="CaptureStage.Capturing"/>, in milliseconds, where
    /// <see cref="ApplyAsync"/> has put the rest of the plan.
    /// </summary>
    /// <exception cref="CaptureException">The rules are not as they were left; apply the plan as a whole.</exception>
    public Task SwitchStageAsync(NetNamespace network, CapturePlan plan, CancellationToken cancellation) =>
        _backend.SwitchStageAsync(network, plan, cancellation);

    /// <summary>Removes everything of any version and back-end.</summary>
    public async Task RemoveAsync(NetNamespace network, CancellationToken cancellation)
    {
        await _backend.RemoveAsync(network, cancellation);
        foreach (IRuleBackend other in _others)
        {
            await other.RemoveAsync(network, cancellation);
        }

        PolicyRouting.Remove(network);
    }

    /// <summary>Datagrams need TPROXY also where connections are redirected, and a kernel for that mode may be without it.</summary>
    /// <returns>Why DNS cannot be captured; null when it can.</returns>
    private static async Task<string?> ProbeAsync(IRuleBackend candidate, CaptureMode mode, CancellationToken cancellation)
    {
        try
        {
            await candidate.ProbeAsync(new CapturePlan { Mode = mode, CapturesDns = true }, cancellation);
            return null;
        }
        catch (CaptureException refused) when (mode == CaptureMode.Redirect)
        {
            await candidate.ProbeAsync(new CapturePlan { Mode = mode }, cancellation);
            return refused.Message;
        }
    }

    private static IRuleBackend[] AllBackends(NamespaceTools tools) =>
    [
        new NftBackend(tools),
        new IptablesBackend(tools, CaptureBackend.IptablesNft),
        new IptablesBackend(tools, CaptureBackend.IptablesLegacy),
    ];

    private async Task<List<IRuleBackend>> FindOthersAsync(NetNamespace network, CancellationToken cancellation)
    {
        List<IRuleBackend> found = [];
        ForeignTables tables = await ForeignTables.ReadAsync(network, _tools, cancellation);
        foreach (IRuleBackend other in _others.Where(other => tables.MayHave(other.Kind)))
        {
            if (await other.HasRulesAsync(network, cancellation))
            {
                found.Add(other);
            }
        }

        return found;
    }
}
