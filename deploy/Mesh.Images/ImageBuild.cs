using System.Globalization;
using System.Reflection;
using Mesh.Images.Debian;
using Mesh.Images.DotNet;
using Mesh.Images.Oci;
using Mesh.Images.Sbom;

namespace Mesh.Images;

/// <summary>Builds every image of the product, from packages to archives.</summary>
internal static class ImageBuild
{
    /// <summary>The names of the images, as deploy/daemonset has them.</summary>
    public static readonly IReadOnlyList<string> Names = ["mesh-node", "mesh-node-agent", "mesh-control"];

    /// <summary>What every node of a cluster has to download is not to grow unnoticed.</summary>
    private const long NodeCompressedBytesMax = 60 << 20;

    /// <summary>The product's version, which is the images' tag.</summary>
    public static string Version { get; } = typeof(ImageBuild).Assembly
        .GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];

    /// <exception cref="ImageException">Something is missing, or an image would be wrong.</exception>
    public static void Run(BuildOptions options, TextWriter output)
    {
        Machine machine = Machine.Current;
        Distribution distribution = new(machine, ReadPackages(options, machine));
        DistributionLayers parts = new(distribution);
        ProductLayers product = new(options, machine);

        ImageLayer bottom = parts.Base([("mesh-node", product.Executable("mesh-node"))]);
        ImageLayer node = product.Native("mesh-node", "nodeproxy/Mesh.Node");
        ImageLayer cni = product.Native("mesh-cni", "nodeproxy/Mesh.Cni");
        ImageLayer control = product.Managed("mesh-control", "ctlplane/Mesh.Control");
        ImageLayer tools = parts.Tools(bottom);
        ImageLayer runtime = parts.DotNet(bottom, options.Time);

        Directory.CreateDirectory(options.Output);
        (ImageSettings Settings, ImageLayer[] Layers)[] images =
        [
            (Settings("mesh-node", "The data plane of one node: carries the traffic of its pods.", "0:0", options), [bottom, node]),
            (
                Settings("mesh-node", "Finds the pods of one node that belong to the mesh, and captures their traffic.", "0:0", options)
                    with { Name = "mesh-node-agent" },
                [bottom, tools, node, cni]
            ),
            (
                Settings("mesh-control", "Configuration and certificates for all proxies of the mesh.", "65532:65532", options)
                    with { Environment = [.. s_environment, $"DOTNET_ROOT=/{InstalledRuntime.Folder}", "DOTNET_EnableDiagnostics=0"] },
                [bottom, runtime, control]
            ),
        ];
        foreach ((ImageSettings settings, ImageLayer[] layers) in images)
        {
            LinkCheck.Run(settings.Name, layers.Select(layer => layer.Files), machine);
            Write(settings, machine, layers, options, output);
        }
    }

    private static readonly string[] s_environment = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"];

    private static ImageSettings Settings(string executable, string description, string user, BuildOptions options) =>
        new(executable, Version, description, ["/usr/bin/" + executable], user, s_environment, options.Revision, options.Time);

    private static DebianPackage[] ReadPackages(BuildOptions options, Machine machine)
    {
        IReadOnlyList<string> files = options.IsOffline
            ? PackageResolution.Recall(options.Cache, options.Suite, machine)
            : PackageResolution.Download(options.Cache, SourcesOf(options, machine), options.Suite, machine, DistributionLayers.Packages);
        return [.. files.AsParallel().AsOrdered().Select(DebianPackage.Read)];
    }

    private static string SourcesOf(BuildOptions options, Machine machine) => options.Sources is string file
        ? File.ReadAllText(file)
        : AptSources.Translate(
            Tool.Run("apt-get", "indextargets", "--format", AptSources.TargetFormat, "Created-By: Packages"),
            AptSources.SuiteOf(File.ReadAllText("/etc/os-release")),
            options.Suite,
            machine.Debian);

    private static void Write(
        ImageSettings settings, Machine machine, ImageLayer[] layers, BuildOptions options, TextWriter output)
    {
        OciArchive archive = new(settings, machine, [.. layers.Select(layer => layer.Packed)]);
        if (settings.Name == "mesh-node" && archive.CompressedBytes > NodeCompressedBytesMax)
        {
            throw new ImageException(
                $"The image {settings.Name} has {Mebibytes(archive.CompressedBytes)} compressed, "
                + $"and may have {Mebibytes(NodeCompressedBytesMax)}.");
        }

        string path = Path.Combine(options.Output, settings.Name);
        using (FileStream stream = File.Create(path + ".tar"))
        {
            archive.Write(stream);
        }

        IEnumerable<Component> components = layers.SelectMany(layer => layer.Components).DistinctBy(component => component.PackageUrl);
        File.WriteAllBytes(path + ".spdx.json", SpdxDocument.Write(settings, archive.Digest, components));
        output.WriteLine($"{settings.Name}:{settings.Version} {archive.Digest}");
        output.WriteLine($"  {path}.tar: {Mebibytes(archive.CompressedBytes)} compressed, {Mebibytes(archive.ContentBytes)} unpacked");
        foreach (Layer layer in layers.Select(layer => layer.Packed))
        {
            output.WriteLine($"  {Mebibytes(layer.Blob.Content.Length),9}  {layer.Title}");
        }
    }

    private static string Mebibytes(long bytes) => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1048576.0:0.0} MiB");
}
