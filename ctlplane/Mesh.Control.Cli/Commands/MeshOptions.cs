using System.CommandLine;
using System.CommandLine.Parsing;
using Mesh.Api.Identity;
using Mesh.Control.Dialects;
using Mesh.Control.Sources.Files;

namespace Mesh.Control.Cli.Commands;

/// <summary>What commands that read manifests must know of the mesh: the options that the control plane is started with.</summary>
internal sealed class MeshOptions
{
    private readonly Option<string> _clusterDomain = new("--cluster-domain")
    {
        Description = "Suffix of service names.",
        HelpName = "NAME",
        DefaultValueFactory = _ => "cluster.local",
    };

    private readonly Option<string> _trustDomain = new("--trust-domain")
    {
        Description = "The mesh's own trust domain.",
        HelpName = "NAME",
        DefaultValueFactory = _ => "cluster.local",
    };

    private readonly Option<string> _rootNamespace = new("--root-namespace")
    {
        Description = "The namespace of mesh-wide objects.",
        HelpName = "NAME",
        DefaultValueFactory = _ => "istio-system",
    };

    private readonly Option<bool> _flat = new("--no-recursion")
    {
        Description = "Directories below a directory do not count.",
    };

    public MeshOptions() => _trustDomain.Validators.Add(CheckTrustDomain);

    public void AddTo(Command command)
    {
        command.Options.Add(_clusterDomain);
        command.Options.Add(_trustDomain);
        command.Options.Add(_rootNamespace);
        command.Options.Add(_flat);
    }

    public TranslationOptions Translation(ParseResult parsed) => new()
    {
        ClusterDomain = parsed.GetValue(_clusterDomain)!,
        TrustDomain = TrustDomain.Parse(parsed.GetValue(_trustDomain)!),
        RootNamespace = parsed.GetValue(_rootNamespace)!,
    };

    public ManifestWatchOptions Reading(ParseResult parsed) =>
        new() { Directory = string.Empty, IsRecursive = !parsed.GetValue(_flat) };

    private static void CheckTrustDomain(OptionResult result)
    {
        if (!TrustDomain.TryParse(result.GetValueOrDefault<string>(), out _))
        {
            result.AddError("--trust-domain: not a trust domain. Use lower-case letters, digits, dots, dashes and underscores.");
        }
    }
}
