namespace Mesh.Control.Cli.Installation;

/// <summary>Whether this machine can be a node of the mesh.</summary>
/// <param name="root">Where its file system is: <c>/</c>.</param>
internal sealed class NodeCheck(string root)
{
    /// <summary>Of each, one is enough. iptables is for nodes without nf_tables.</summary>
    private static readonly (string About, string[] Modules, string Advice)[] s_modules =
    [
        ("TPROXY", ["nft_tproxy", "xt_TPROXY"], "Use a kernel with CONFIG_NFT_TPROXY or CONFIG_NETFILTER_XT_TARGET_TPROXY."),
        ("rules", ["nf_tables", "ip_tables"], "Use a kernel with CONFIG_NF_TABLES or CONFIG_IP_NF_IPTABLES."),
        ("marks of connections", ["nf_conntrack"], "Use a kernel with CONFIG_NF_CONNTRACK."),
    ];

    public IEnumerable<CheckResult> Run()
    {
        string release = Read("proc/sys/kernel/osrelease").Trim();
        yield return release.Length > 0
            ? CheckResult.Ok("kernel", release)
            : CheckResult.Fail("kernel", "/proc/sys/kernel/osrelease cannot be read", "Run this on the node itself, with its /proc.");
        HashSet<string> modules =
        [
            .. Names(Read($"lib/modules/{release}/modules.builtin")), .. Names(Read($"lib/modules/{release}/modules.dep")),
        ];
        foreach ((string about, string[] names, string advice) in s_modules)
        {
            string[] found =
                [.. names.Where(name => modules.Contains(name) || Directory.Exists(Path.Combine(root, "sys", "module", name)))];
            yield return found.Length > 0 ? CheckResult.Ok(about, string.Join(", ", found))

                // A kernel of some clouds has everything built in and no list of it.
                : modules.Count == 0 ? CheckResult.Warn(about, "this kernel does not say what it has", advice)
                : CheckResult.Fail(about, $"none of {string.Join(", ", names)}", advice);
        }

        var configurations = new DirectoryInfo(Path.Combine(root, "etc/cni/net.d"));
        yield return configurations.Exists && configurations.EnumerateFiles().Any()
            ? CheckResult.Ok("CNI", "/etc/cni/net.d has a configuration")
            : CheckResult.Warn(
                "CNI", "/etc/cni/net.d is empty", "Where the runtime's configuration lies elsewhere, say so in cni of the ConfigMap.");
    }

    private string Read(string path)
    {
        try
        {
            return File.ReadAllText(Path.Combine(root, path));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return string.Empty;
        }
    }

    /// <summary>Lines such as <c>kernel/net/netfilter/nft_tproxy.ko.xz: kernel/...</c>.</summary>
    private static IEnumerable<string> Names(string list) => list.Split('\n', StringSplitOptions.RemoveEmptyEntries)
        .Select(line => Path.GetFileName(line.Split(':')[0]).Split('.')[0]);
}
