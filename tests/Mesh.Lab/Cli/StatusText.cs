using System.Globalization;
using System.Text;

namespace Mesh.Lab.Cli;

/// <summary>A lab's status for people.</summary>
internal static class StatusText
{
    public static string Render(LabStatus status)
    {
        var text = new StringBuilder();
        text.Append("Nodes\n");
        var nodes = new TextTable("NAME", "IPV4", "IPV6", "AGENT", "PROXY");
        foreach (NodeStatus node in status.Nodes)
        {
            string agent = Component(status, $"{node.Name}/agent");
            nodes.Add(node.Name, node.Address4, node.Address6, agent, Component(status, $"{node.Name}/proxy"));
        }

        text.Append(nodes.Render("  "));
        text.Append('\n');
        text.Append(status.HasMesh ? $"Control plane: {Component(status, "control")}" : "No mesh: this lab was started with --no-mesh.");
        text.Append('\n');
        if (status.Pods.Count > 0)
        {
            text.Append("\nPods\n");
            var pods = new TextTable("POD", "NODE", "ACCOUNT", "IPV4", "IPV6", "STATE", "READY", "MESH");
            foreach (PodStatus pod in status.Pods)
            {
                string ready = pod.IsReady ? "yes" : "no";
                pods.Add(pod.QualifiedName, pod.Node, pod.ServiceAccount, pod.Address4, pod.Address6, State(pod), ready, Mesh(pod));
            }

            text.Append(pods.Render("  "));
        }

        if (status.Services.Count > 0)
        {
            text.Append("\nServices\n");
            var services = new TextTable("SERVICE", "ADDRESSES", "PORTS", "ENDPOINTS");
            foreach (ServiceStatus service in status.Services)
            {
                services.Add(
                    $"{service.Namespace}/{service.Name}",
                    service.Addresses.Count == 0 ? "(headless)" : string.Join(", ", service.Addresses),
                    string.Join(", ", service.Ports),
                    service.EndpointCount.ToString(CultureInfo.InvariantCulture));
            }

            text.Append(services.Render("  "));
        }

        if (status.OtherObjects.Count > 0)
        {
            text.Append("\nOther objects\n");
            foreach (string name in status.OtherObjects)
            {
                text.Append($"  {name}\n");
            }
        }

        return text.ToString();
    }

    private static string Component(LabStatus status, string name)
    {
        ComponentStatus? component = status.Components.FirstOrDefault(component => component.Name == name);
        return component switch
        {
            null => "-",
            { State: "running", IsReady: true } => "ready",
            { State: "running" } => "not ready",
            _ => $"ended ({component.ExitCode})",
        };
    }

    private static string State(PodStatus pod)
    {
        string state = pod is { State: "ended", ExitCode: { } code } ? $"ended ({code})" : pod.State;
        return pod.RestartCount == 0 ? state : $"{state}, {pod.RestartCount} restarts";
    }

    private static string Mesh(PodStatus pod) => (pod.IsEnrolled, pod.IsCaptured) switch
    {
        (true, true) => "captured",
        (true, false) => "not captured",
        (false, true) => "leaving",
        _ => "-",
    };
}
