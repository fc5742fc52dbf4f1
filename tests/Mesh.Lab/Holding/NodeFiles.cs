using System.Text.Json;
using System.Text.Json.Nodes;
using Mesh.Lab.Manifests;
using Mesh.Lab.Networking;

namespace Mesh.Lab.Holding;

/// <summary>The files of a node's agent and proxy: their configuration, and one file per pod that is to be captured.</summary>
internal static class NodeFiles
{
    public const ushort ControlPort = 15012;

    private static readonly JsonSerializerOptions s_indented = new() { WriteIndented = true };

    /// <summary>The whole node.json, with the lab's options laid over it.</summary>
    public static string Configuration(NodeRuntime node, string rootCertificateFile, JsonObject overrides)
    {
        var configuration = new JsonObject
        {
            ["node"] = new JsonObject
            {
                ["name"] = node.Name,
                ["cluster"] = "Kubernetes",
                ["network"] = "",
                ["addresses"] = new JsonArray(node.Addresses.V4.ToString(), node.Addresses.V6.ToString()),
            },
            ["controlPlane"] = new JsonObject
            {
                ["address"] = $"https://{LabAddresses.ControlPlane.V4}:{ControlPort}",
                ["serverName"] = "mesh-control",
                ["rootCertificateFile"] = rootCertificateFile,
                ["tokenFile"] = Path.Combine(node.Directory, "token"),
            },
            ["handover"] = new JsonObject { ["socketPath"] = $"{node.RuntimeDirectory}/handover.sock" },
            ["pods"] = new JsonObject { ["directory"] = node.PodDirectory },
        };
        Overlay(configuration, overrides);
        return configuration.ToJsonString(s_indented);
    }

    /// <summary>What the agent's directory source reads about one pod.</summary>
    public static string Pod(PodRuntime pod)
    {
        var annotations = new JsonObject();
        foreach ((string name, string value) in pod.Manifest.Annotations)
        {
            annotations[name] = value;
        }

        var probes = new JsonArray();
        foreach (Probe probe in pod.Spec.Probes)
        {
            var entry = new JsonObject { ["kind"] = probe.Kind, ["port"] = probe.Port };
            if (probe.Kind == "http")
            {
                entry["path"] = probe.Path;
            }
            else if (probe.Kind == "grpc")
            {
                entry["service"] = probe.Service;
            }

            probes.Add(entry);
        }

        return new JsonObject
        {
            ["uid"] = pod.Uid,
            ["name"] = pod.Spec.Key.Name,
            ["namespace"] = pod.Spec.Key.Namespace,
            ["serviceAccount"] = pod.Spec.ServiceAccount,
            ["networkNamespace"] = Fabric.NamespacePath(pod.NetworkNamespace),
            ["addresses"] = new JsonArray(pod.Addresses.V4.ToString(), pod.Addresses.V6.ToString()),
            ["annotations"] = annotations,
            ["probes"] = probes,
        }.ToJsonString(s_indented);
    }

    // Objects are merged member by member; everything else is replaced.
    private static void Overlay(JsonObject target, JsonObject overrides)
    {
        foreach ((string name, JsonNode? value) in overrides)
        {
            if (value is JsonObject inner && target[name] is JsonObject existing)
            {
                Overlay(existing, inner);
            }
            else
            {
                target[name] = value?.DeepClone();
            }
        }
    }
}
