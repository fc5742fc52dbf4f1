using System.Collections.Immutable;
using Mesh.Control.Dialects.Traffic;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Dialects.Istio;

/// <summary>
/// Reads Sidecar (networking.istio.io): whose rules clients of a namespace find, and where connections of workloads may go. What there is
/// no counterpart for in a proxy of a node is named, and has no effect.
/// </summary>
internal static class SidecarReader
{
    private static readonly string[] s_specFields =
        ["egress", "inboundConnectionPool", "ingress", "outboundTrafficPolicy", "workloadSelector"];

    private static readonly string[] s_egressFields = ["bind", "captureMode", "hosts", "port"];
    private static readonly string[] s_ingressFields = ["bind", "captureMode", "connectionPool", "defaultEndpoint", "port", "tls"];
    private static readonly string[] s_portFields = ["name", "number", "protocol", "targetPort"];

    private static readonly string[] s_selectorFields = ["labels"];

    /// <returns>Null when it is broken so that nothing can be read of it.</returns>
    public static SidecarSpec? Read(RawObject source, ObjectDiagnostics diagnostics)
    {
        var root = new FieldReader(source.Fields, string.Empty, diagnostics);
        if (root.Section("spec") is not { Entries.Count: > 0 } spec)
        {
            root.Error("spec", "A Sidecar says something.", "Give it egress.");
            return null;
        }

        spec.RefuseUnknown("Sidecar", s_specFields);
        ReadIngress(spec);
        if (spec.Has("inboundConnectionPool"))
        {
            spec.Warning(
                "inboundConnectionPool",
                "Connections to pods are limited where clients are, by DestinationRules; the field has no effect.");
        }

        ImmutableArray<SidecarHost> hosts = ReadEgress(spec);
        Labels? selector = ReadSelector(spec);
        if (selector is not null && spec.Has("egress"))
        {
            spec.Warning(
                "egress",
                "Which rules clients find is said for a namespace; of a Sidecar for some of its workloads the field has no effect.",
                "Leave workloadSelector out: it is then for the namespace.");
        }

        return new SidecarSpec
        {
            Source = source,
            Namespace = source.Key.Namespace,
            Name = source.Key.Name,
            CreatedAt = CreationTime.Read(root),
            Hosts = spec.Has("egress") ? hosts : null,
            Selector = selector,
            IsRegistryOnly = OutboundModeReader.IsRegistryOnly(spec.Section("outboundTrafficPolicy")),
        };
    }

    private static Labels? ReadSelector(FieldReader spec)
    {
        if (spec.Section("workloadSelector") is not { } selector)
        {
            return null;
        }

        selector.RefuseUnknown("workloadSelector", s_selectorFields);
        return selector.TextMap("labels") is { Count: > 0 } labels ? labels : null;
    }

    private static void ReadIngress(FieldReader spec)
    {
        var ports = new HashSet<int>();
        foreach (FieldReader listener in spec.Sections("ingress"))
        {
            listener.RefuseUnknown("An ingress listener", s_ingressFields);
            if (ReadPort(listener) is { } port && !ports.Add(port))
            {
                listener.Error("port.number", $"Port {port} is there twice.");
            }
            else if (!listener.Has("port"))
            {
                listener.Error("port", "The field is required.");
            }
        }

        if (spec.Has("ingress"))
        {
            spec.Warning("ingress", "Every port of a pod is captured as it is; listeners of its own have no effect.");
        }
    }

    private static int? ReadPort(FieldReader listener)
    {
        if (listener.Section("port") is not { } port)
        {
            return null;
        }

        port.RefuseUnknown("port", s_portFields);
        if (port.Has("targetPort"))
        {
            port.Error("targetPort", "A port of a listener has no targetPort.", "Use defaultEndpoint.");
        }

        return port.Integer("number", 0, TrafficFields.PortMax);
    }

    private static ImmutableArray<SidecarHost> ReadEgress(FieldReader spec)
    {
        ImmutableArray<SidecarHost>.Builder hosts = ImmutableArray.CreateBuilder<SidecarHost>();
        List<FieldReader> listeners = spec.Sections("egress");
        for (int index = 0; index < listeners.Count; index++)
        {
            FieldReader listener = listeners[index];
            listener.RefuseUnknown("An egress listener", s_egressFields);
            if (!listener.Has("port") && index < listeners.Count - 1)
            {
                listener.Error("port", "Only the last egress listener may be without a port.");
            }

            int? port = ReadPort(listener);
            if (listener.Text("bind")?.StartsWith("unix:", StringComparison.Ordinal) == true
                && listener.Text("captureMode") is not (null or "DEFAULT" or "NONE"))
            {
                listener.Error("captureMode", "A socket of the file system is not captured.");
            }

            if (listener.Items("hosts").Count == 0)
            {
                listener.Error("hosts", "An egress listener needs hosts.", "~/* is none at all.");
            }

            foreach (TextItem item in listener.Texts("hosts"))
            {
                if (ReadHost(item, spec.Diagnostics, port) is { } host)
                {
                    hosts.Add(host);
                }
            }
        }

        return hosts.ToImmutable();
    }

    private static SidecarHost? ReadHost(TextItem item, ObjectDiagnostics diagnostics, int? port)
    {
        int slash = item.Text.IndexOf('/', StringComparison.Ordinal);
        string @namespace = slash < 0 ? string.Empty : item.Text[..slash];
        string name = item.Text[(slash + 1)..];
        bool isExcluded = @namespace.Length > 1 && @namespace[0] == '~';
        string scope = isExcluded ? @namespace[1..] : @namespace;
        if (slash < 0 || !(scope is "*" or "." or "~" || ManifestNames.IsLabel(scope)) || !(name == "*" || MeshHosts.IsHost(name)))
        {
            diagnostics.Error(
                item.Path, item.Position, $"'{item.Text}' is not a namespace, a slash and a host name.", "Write such as ./*.");
            return null;
        }

        return new SidecarHost(scope, name, isExcluded, port is 0 ? null : port);
    }
}
