using System.Net;
using System.Text;

namespace Mesh.Lab.Networking;

/// <summary>A name and the addresses it stands for, of one service.</summary>
internal sealed record NamedAddresses(string Namespace, string Name, IReadOnlyList<IPAddress> Addresses);

/// <summary>The hosts file of a pod: the cluster's services by the names a pod would look them up with, while there is no DNS.</summary>
internal static class HostsFile
{
    private const string ClusterDomain = "cluster.local";

    public static string Render(string podNamespace, string podName, AddressPair podAddresses, IEnumerable<NamedAddresses> services)
    {
        var text = new StringBuilder();
        text.Append("127.0.0.1 localhost\n::1 localhost ip6-localhost\n");
        text.Append($"{podAddresses.V4} {podName}\n{podAddresses.V6} {podName}\n");
        foreach (NamedAddresses service in services)
        {
            string qualified = $"{service.Name}.{service.Namespace}";
            string names = $"{qualified}.svc.{ClusterDomain} {qualified}.svc {qualified}";
            if (service.Namespace == podNamespace)
            {
                names += $" {service.Name}";
            }

            foreach (IPAddress address in service.Addresses)
            {
                text.Append($"{address} {names}\n");
            }
        }

        return text.ToString();
    }
}
