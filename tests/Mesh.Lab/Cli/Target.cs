using Mesh.Lab.Networking;

namespace Mesh.Lab.Cli;

/// <summary>Finds what a name on the command line means, or says what it could have meant.</summary>
internal static class Target
{
    /// <summary>The namespace of a pod or a node; `fabric` is the link between the nodes, `control` the control plane's place.</summary>
    public static string NetworkNamespace(LabStatus status, string name, string? space)
    {
        if (space is null && (status.Nodes.Any(node => node.Name == name) || name is Fabric.OutsideNamespace or Fabric.ControlNamespace))
        {
            return name;
        }

        return Pod(status, name, space).NetworkNamespace;
    }

    public static PodStatus Pod(LabStatus status, string name, string? space)
    {
        if (name.Split('/') is [var given, var rest])
        {
            (space, name) = (given, rest);
        }

        PodStatus[] found = [.. status.Pods.Where(pod => pod.Name == name && (space is null || pod.Namespace == space))];
        return found switch
        {
            [var one] => one,
            [] => throw new LabException($"there is no pod '{(space is null ? name : $"{space}/{name}")}'; there are: "
                + string.Join(", ", status.Pods.Select(pod => pod.QualifiedName).Concat(status.Nodes.Select(node => node.Name)))),
            _ => throw new LabException($"'{name}' is in several namespaces: {string.Join(", ", found.Select(pod => pod.QualifiedName))}"),
        };
    }

    public static string LogFile(IReadOnlyList<string> logs, string name, string? space)
    {
        string wanted = (space is null ? name : $"{space}/{name}").Replace('/', '.');
        string[] found = [.. logs.Where(log => Path.GetFileNameWithoutExtension(log) == wanted)];
        if (found.Length == 0)
        {
            found = [.. logs.Where(log => Path.GetFileNameWithoutExtension(log).EndsWith("." + wanted, StringComparison.Ordinal))];
        }

        string[] names = [.. (found.Length > 0 ? found : logs).Select(log => Path.GetFileNameWithoutExtension(log))];
        return found switch
        {
            [var one] => one,
            [] => throw new LabException($"there is no log of '{name}'; there are: {string.Join(", ", names)}"),
            _ => throw new LabException($"'{name}' could be any of {string.Join(", ", names)}"),
        };
    }
}
