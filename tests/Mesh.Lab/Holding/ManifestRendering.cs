using System.Net;
using Mesh.Lab.Manifests;
using Mesh.Lab.Networking;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Mesh.Lab.Holding;

/// <summary>What the control plane is given: the author's manifest with what a cluster would have filled in.</summary>
internal static class ManifestRendering
{
    public static string FileName(ObjectKey key) => $"{key.Kind.ToLowerInvariant()}.{key.Namespace}.{key.Name}.yaml";

    public static string Object(Manifest manifest)
    {
        Manifest copy = Qualified(manifest);
        return copy.ToYaml();
    }

    public static string Service(Manifest manifest, ServiceRuntime service)
    {
        Manifest copy = Qualified(manifest);
        if (!service.Spec.IsHeadless)
        {
            YamlMappingNode spec = copy.Root.Mapping("spec");
            spec.Set("clusterIP", service.Addresses[0].ToString());
            spec.Set("clusterIPs", Sequence(service.Addresses.Select(address => address.ToString())));
            spec.Set("ipFamilies", Sequence(service.Addresses.Select(address => LabAddresses.FamilyName(address.AddressFamily))));
        }

        return copy.ToYaml();
    }

    public static string Pod(PodRuntime pod)
    {
        Manifest copy = Qualified(pod.Manifest);
        copy.Root.Mapping("metadata").Set("uid", pod.Uid);
        YamlMappingNode spec = copy.Root.Mapping("spec");
        spec.Set("nodeName", pod.Node.Name);
        spec.Set("serviceAccountName", pod.Spec.ServiceAccount);

        var ready = new YamlMappingNode();
        ready.Set("type", "Ready");
        ready.Set("status", pod.IsReady ? "True" : "False");
        YamlMappingNode status = copy.Root.Mapping("status");
        status.Set("phase", pod.Process is { State: Processes.ProcessState.Ended } ? "Succeeded" : "Running");
        status.Set("hostIP", pod.Node.Addresses.V4.ToString());
        status.Set("podIP", pod.Addresses.V4.ToString());
        status.Set("podIPs", new YamlSequenceNode(AddressEntry(pod.Addresses.V4), AddressEntry(pod.Addresses.V6)));
        status.Set("conditions", new YamlSequenceNode(ready));
        return copy.ToYaml();
    }

    private static Manifest Qualified(Manifest manifest)
    {
        Manifest copy = manifest.Copy();
        if (manifest.Key.Namespace.Length > 0)
        {
            copy.Root.Mapping("metadata").Set("namespace", manifest.Key.Namespace);
        }

        return copy;
    }

    private static YamlMappingNode AddressEntry(IPAddress address)
    {
        var entry = new YamlMappingNode();
        entry.Set("ip", address.ToString());
        return entry;
    }

    private static YamlSequenceNode Sequence(IEnumerable<string> texts)
    {
        return new YamlSequenceNode(texts.Select(text => new YamlScalarNode(text) { Style = ScalarStyle.DoubleQuoted }));
    }
}
