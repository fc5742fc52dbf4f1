using System.CommandLine;
using Mesh.Control.Sources.Kubernetes;

namespace Mesh.Control.Cli.Installation;

/// <summary>Which cluster a command is about, as kubectl has it.</summary>
internal sealed class ClusterOptions
{
    private readonly Option<string?> _file = new("--kubeconfig")
    {
        Description = "The kubeconfig; $KUBECONFIG and then ~/.kube/config without it.",
        HelpName = "FILE",
    };

    private readonly Option<string?> _context = new("--context")
    {
        Description = "One of its contexts; its current one without it.",
        HelpName = "NAME",
    };

    public void AddTo(Command command)
    {
        command.Options.Add(_file);
        command.Options.Add(_context);
    }

    /// <exception cref="IOException">There is no kubeconfig, or it leads nowhere.</exception>
    public KubernetesApi Open(ParseResult parsed)
    {
        string file = parsed.GetValue(_file)
            ?? Environment.GetEnvironmentVariable("KUBECONFIG")?.Split(':').FirstOrDefault(File.Exists)
            ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".kube", "config");
        return KubernetesApi.OpenConfiguration(file, parsed.GetValue(_context));
    }
}
