using System.Collections.Immutable;
using Mesh.Control.Dialects.Traffic;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Dialects.Istio;

/// <summary>Reads VirtualService (networking.istio.io): the HTTP routes for the mesh itself.</summary>
internal static class VirtualServiceReader
{
    private static readonly string[] s_specFields = ["exportTo", "gateways", "hosts", "http", "tcp", "tls"];

    /// <returns>Null when it is for gateways alone.</returns>
    public static VirtualServiceSpec? Read(RawObject source, ObjectDiagnostics diagnostics)
    {
        var root = new FieldReader(source.Fields, string.Empty, diagnostics);
        if (root.Section("spec") is not { } spec)
        {
            root.Error("spec", "A VirtualService needs a spec.");
            return null;
        }

        spec.RefuseUnknown("VirtualService", s_specFields);
        List<TextItem> gateways = spec.Texts("gateways");
        if (gateways.Count > 0 && !gateways.Exists(gateway => gateway.Text == "mesh"))
        {
            spec.Warning("gateways", "Gateways are not part of this mesh; the VirtualService has no effect.", "Name the gateway mesh.");
            return null;
        }

        bool isDelegate = spec.Items("hosts").Count == 0;
        if (isDelegate)
        {
            foreach (string other in (string[])["gateways", "tls", "tcp"])
            {
                if (spec.Has(other))
                {
                    spec.Error(other, "A VirtualService without hosts is delegated to and has nothing but http.", "Give it a host.");
                }
            }
        }

        if (!spec.Has("http") && !spec.Has("tls") && !spec.Has("tcp"))
        {
            spec.Error("http", "A VirtualService needs a route.");
        }

        ImmutableArray<RuleSpec>.Builder rules = ImmutableArray.CreateBuilder<RuleSpec>();
        List<FieldReader> sections = spec.Sections("http");
        for (int index = 0; index < sections.Count; index++)
        {
            if (HttpRuleReader.Read(sections[index], $"{source.Key.Namespace}/{source.Key.Name}", index) is { } rule)
            {
                if (isDelegate && rule.Delegate is { } further)
                {
                    sections[index].Error(
                        "delegate", $"What is delegated to delegates no further, to {further.Name}.", "Write the routes here.");
                }

                rules.Add(rule);
            }
        }

        string owner = $"{source.Key.Namespace}/{source.Key.Name}";
        ImmutableArray<string> hosts = ReadHosts(spec);
        return new VirtualServiceSpec
        {
            Source = source,
            Namespace = source.Key.Namespace,
            Name = source.Key.Name,
            CreatedAt = CreationTime.Read(root),
            Hosts = hosts,
            ExportedTo = ExportReader.Read(spec, source.Key.Namespace),
            Rules = rules.ToImmutable(),
            Connections =
            [
                .. ConnectionRuleReader.Read(spec, "tls", owner, hosts), .. ConnectionRuleReader.Read(spec, "tcp", owner, hosts),
            ],
        };
    }

    private static ImmutableArray<string> ReadHosts(FieldReader spec)
    {
        ImmutableArray<string>.Builder hosts = ImmutableArray.CreateBuilder<string>();
        List<TextItem> items = spec.Texts("hosts");
        foreach (TextItem item in items)
        {
            if (item.Text == "*")
            {
                spec.Diagnostics.Error(item.Path, item.Position, "The host * is for gateways; in the mesh a route is for some hosts.");
            }
            else if (!MeshHosts.IsHost(item.Text))
            {
                spec.Diagnostics.Error(item.Path, item.Position, $"'{item.Text}' is not a host name, nor *. and one.");
            }
            else if (hosts.FirstOrDefault(other => MeshHosts.Covers(other, item.Text) || MeshHosts.Covers(item.Text, other)) is { } other)
            {
                spec.Diagnostics.Error(item.Path, item.Position, $"{item.Text} and {other} are for the same hosts.");
            }
            else
            {
                hosts.Add(item.Text);
            }
        }

        return hosts.ToImmutable();
    }
}
