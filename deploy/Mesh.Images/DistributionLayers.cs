using System.Text;
using Mesh.Images.Debian;
using Mesh.Images.DotNet;
using Mesh.Images.Files;
using Mesh.Images.Sbom;

namespace Mesh.Images;

/// <summary>The layers that come of the distribution. Nothing in them is of ours, so they change only when its packages do.</summary>
internal sealed class DistributionLayers
{
    /// <summary>The first OpenSSL with what a proxy's throughput and key exchange are built on.</summary>
    private static readonly Version s_openSslMin = new(3, 5);

    /// <summary>What apt is asked for; it adds what these depend on.</summary>
    public static readonly IReadOnlyList<string> Packages =
    [
        "base-files", "ca-certificates", "libc6", "libssl3t64", // of every image
        "coreutils", "iproute2", "iptables", "netbase", "nftables", "util-linux", // of the agent's
        "libstdc++6", "zlib1g", // of the control plane's
    ];

    /// <summary>OpenSSL, which executables open by name as they start, so that nothing says they are linked with it.</summary>
    private static readonly string[] s_opened = ["libcrypto.so.3", "libssl.so.3"];

    private readonly Distribution _distribution;
    private readonly string _release;

    public DistributionLayers(Distribution distribution)
    {
        _distribution = distribution;
        _release = ReleaseOf(distribution);
    }

    /// <summary>A C library, OpenSSL, the roots that browsers trust, and what programs expect to find anywhere.</summary>
    /// <param name="executables">Those whose libraries it has: names and contents.</param>
    public ImageLayer Base(IEnumerable<(string Name, PlainFile File)> executables)
    {
        DistributionLayer layer = new(_distribution, []);
        foreach (string library in s_opened)
        {
            layer.AddLibrary(library, "TLS");
        }

        foreach ((string name, PlainFile file) in executables)
        {
            layer.AddNeeded(name, file);
        }

        layer.Add("etc/os-release");
        AddRoots(layer);
        CheckOpenSsl(layer);
        AddSkeleton(layer.Files);
        return Pack("A C library and OpenSSL, of Debian", layer);
    }

    /// <summary>What the agent writes rules and routes with, in networks of pods.</summary>
    public ImageLayer Tools(ImageLayer below)
    {
        DistributionLayer layer = new(_distribution, [below.Files]);
        foreach (string kind in new[] { "legacy", "nft" })
        {
            foreach (string family in new[] { "iptables", "ip6tables" })
            {
                layer.Add($"usr/sbin/{family}-{kind}");
                layer.Add($"usr/sbin/{family}-{kind}-restore");
                layer.Add($"usr/sbin/{family}-{kind}-save");
            }
        }

        // Rules of others are read too, whatever they match by.
        foreach (string extension in _distribution.Below($"usr/lib/{_distribution.Machine.Triplet}/xtables"))
        {
            layer.Add(extension);
        }

        // Names of routing tables and of protocols, as the tools print them.
        foreach (string names in _distribution.Below("usr/share/iproute2").Append("etc/protocols"))
        {
            layer.Add(names);
        }

        // The last is for who looks at the agent's status.
        foreach (string tool in new[] { "usr/sbin/nft", "usr/sbin/ip", "usr/bin/nsenter", "usr/bin/cat" })
        {
            layer.Add(tool);
        }

        return Pack("iptables, nft, ip and nsenter, of Debian", layer);
    }

    /// <summary>The .NET of this machine and the libraries it is linked with.</summary>
    public ImageLayer DotNet(ImageLayer below, DateTimeOffset time)
    {
        DistributionLayer layer = new(_distribution, [below.Files]);
        FileTree runtime = InstalledRuntime.Read(time);
        foreach ((string path, FileEntry entry) in runtime.Entries)
        {
            if (entry is PlainFile file && !IsLinkedWithin(runtime, file))
            {
                layer.AddNeeded(path, file);
            }

            layer.Files[path] = entry;
        }

        // For who asks the control plane for its root.
        layer.Add("usr/bin/cat");
        Component[] frameworks =
        [
            NuGetPackages.Framework("Microsoft.NETCore.App", InstalledRuntime.Version),
            NuGetPackages.Framework("Microsoft.AspNetCore.App", InstalledRuntime.Version),
        ];
        return Pack(".NET", layer, frameworks);
    }

    /// <summary>Whether a library asks for another of .NET itself, which lies beside it.</summary>
    private static bool IsLinkedWithin(FileTree runtime, PlainFile file) =>
        ElfImage.Read(file.Content.Span)?.Needed.Any(name => runtime.Entries.Any(entry => Path.GetFileName(entry.Key) == name)) == true;

    // The bundle is what the package's installation makes of its certificates.
    private void AddRoots(DistributionLayer layer)
    {
        string[] roots =
            [.. _distribution.Below("usr/share/ca-certificates").Where(path => path.EndsWith(".crt", StringComparison.Ordinal))];
        if (roots.Length == 0)
        {
            throw new ImageException("The package ca-certificates has no certificates in /usr/share/ca-certificates.");
        }

        using MemoryStream bundle = new();
        foreach (string root in roots)
        {
            _distribution.Files.TryGet(root, out FileEntry? entry);
            bundle.Write(((PlainFile)entry!).Content.Span);
        }

        layer.AddMade("etc/ssl/certs/ca-certificates.crt", bundle.ToArray(), roots[0]);
    }

    private static void CheckOpenSsl(DistributionLayer layer)
    {
        DebianPackage package = layer.Packages.Single(package => package.Source == "openssl");
        string number = string.Concat(package.Version.TakeWhile(letter => letter == '.' || char.IsAsciiDigit(letter)));
        if (!Version.TryParse(number, out Version? version) || version < s_openSslMin)
        {
            throw new ImageException(
                $"The suite has OpenSSL {package.Version}; {s_openSslMin} or newer is needed. Name another with --suite.");
        }
    }

    private static void AddSkeleton(FileTree files)
    {
        DateTimeOffset time = DateTimeOffset.UnixEpoch;
        foreach (string merged in new[] { "bin", "lib", "lib64", "sbin" })
        {
            files[merged] = new Link("usr/" + merged, time);
        }

        foreach (string folder in new[] { "dev", "proc", "run", "sys", "usr/bin", "usr/lib64", "usr/sbin", "var/lib" })
        {
            files[folder] = new Folder(FileEntry.ProgramMode, time);
        }

        files["var/run"] = new Link("/run", time);
        files["tmp"] = new Folder((UnixFileMode)0b1_111_111_111, time);
        files["etc/passwd"] = Text("root:x:0:0::/:/usr/sbin/nologin\nmesh-control:x:65532:65532::/:/usr/sbin/nologin\n");
        files["etc/group"] = Text("root:x:0:\nmesh-control:x:65532:\n");

        PlainFile Text(string text) => new(Encoding.ASCII.GetBytes(text), FileEntry.PlainMode, time);
    }

    private ImageLayer Pack(string title, DistributionLayer layer, params IEnumerable<Component> others) =>
        ImageLayer.Pack(title, layer.Files, [.. layer.Packages.Select(ComponentOf), .. others]);

    private Component ComponentOf(DebianPackage package) => new(
        package.Name,
        package.Version,
        $"pkg:deb/debian/{Component.Encode(package.Name)}@{Component.Encode(package.Version)}"
            + $"?arch={package.Architecture}&distro={_release}&upstream={Component.Encode(package.Source)}",
        Licence: null,
        $"/usr/share/doc/{package.Name}/copyright",
        "Organization: Debian",
        package.Homepage);

    /// <summary>The distribution's release as scanners name it: `debian-13`.</summary>
    private static string ReleaseOf(Distribution distribution)
    {
        string path = distribution.Files.Resolve("etc/os-release") is [.., string last] ? last : "";
        if (!distribution.Files.TryGet(path, out FileEntry? entry) || entry is not PlainFile file)
        {
            throw new ImageException("The package base-files has no /etc/os-release.");
        }

        const string Key = "VERSION_ID=";
        string? line = Encoding.UTF8.GetString(file.Content.Span).Split('\n')
            .FirstOrDefault(line => line.StartsWith(Key, StringComparison.Ordinal));
        return line is null ? "debian" : "debian-" + line[Key.Length..].Trim('"');
    }
}
