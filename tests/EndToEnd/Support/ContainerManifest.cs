using System.Text.Json.Nodes;
using Mesh.Lab;
using Mesh.Testing.Kubernetes;

namespace Mesh.EndToEnd.Support;

/// <summary>What a manifest of deploy/daemonset allows its container, translated for `ctr`.</summary>
public sealed class ContainerManifest
{
    /// <summary>What `ctr` gives a container unless it is told otherwise.</summary>
    private static readonly string[] s_given =
    [
        "CHOWN", "DAC_OVERRIDE", "FSETID", "FOWNER", "MKNOD", "NET_RAW", "SETGID", "SETUID", "SETFCAP", "SETPCAP", "NET_BIND_SERVICE",
        "SYS_CHROOT", "KILL", "AUDIT_WRITE",
    ];

    private readonly JsonNode _pod;
    private readonly JsonNode _container;

    private ContainerManifest(JsonNode pod)
    {
        _pod = pod;
        _container = pod["containers"]![0]!;
    }

    public string Image => (string)_container["image"]!;

    /// <summary>The user it runs as, which the image may say too.</summary>
    public long User => (long)(Security["runAsUser"] ?? _pod["securityContext"]!["runAsUser"])!;

    public bool IsPrivilegeGained => (bool)Security["allowPrivilegeEscalation"]!;

    public IReadOnlyList<string> Capabilities =>
        [.. (Security["capabilities"]!["add"]?.AsArray() ?? []).Select(name => (string)name!)];

    private JsonNode Security => _container["securityContext"]!;

    /// <summary>The one pod of a file of deploy/daemonset.</summary>
    public static ContainerManifest Read(string file) => new(
        YamlManifests.Read(File.ReadAllText(Path.Combine(Repository.Root, "deploy", "daemonset", file)))
            .Select(manifest => manifest["spec"]?["template"]?["spec"]).OfType<JsonNode>().Single());

    /// <summary>Options of `ctr run`. The user is left to the image.</summary>
    /// <exception cref="LabException">It allows what these cannot say.</exception>
    public IEnumerable<string> Options()
    {
        if (!(bool)Security["readOnlyRootFilesystem"]! || (string)Security["capabilities"]!["drop"]![0]! != "ALL")
        {
            throw new LabException($"The manifest of {Image} gives it a root to write to, or capabilities that it does not name.");
        }

        yield return "--read-only";
        if (IsPrivilegeGained)
        {
            yield return "--allow-new-privs";
        }

        foreach (string capability in s_given.Except(Capabilities))
        {
            yield return "--cap-drop";
            yield return "CAP_" + capability;
        }

        foreach (string capability in Capabilities.Except(s_given))
        {
            yield return "--cap-add";
            yield return "CAP_" + capability;
        }
    }
}
