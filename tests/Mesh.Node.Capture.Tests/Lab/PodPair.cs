using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Mesh.Testing;

namespace Mesh.Node.Capture.Tests.Lab;

/// <summary>
/// A pod and a host beyond its only interface, each a namespace, joined by a veth pair. The host has further addresses to be services.
/// </summary>
internal sealed class PodPair : IDisposable
{
    private PodPair(ScratchNamespace pod, ScratchNamespace host)
    {
        Pod = pod;
        Host = host;
    }

    public ScratchNamespace Pod { get; }

    public ScratchNamespace Host { get; }

    public static IReadOnlyList<AddressFamily> Families { get; } = [AddressFamily.InterNetwork, AddressFamily.InterNetworkV6];

    public static IPAddress PodAddress(AddressFamily family) =>
        IPAddress.Parse(family == AddressFamily.InterNetwork ? "10.9.0.2" : "fd09::2");

    public static IPAddress HostAddress(AddressFamily family) =>
        IPAddress.Parse(family == AddressFamily.InterNetwork ? "10.9.0.1" : "fd09::1");

    /// <summary>An address the pod reaches by its default route.</summary>
    public static IPAddress ServiceAddress(AddressFamily family) =>
        IPAddress.Parse(family == AddressFamily.InterNetwork ? "10.99.0.9" : "fd99::9");

    public static async Task<PodPair> CreateAsync()
    {
        ScratchNamespace pod = await ScratchNamespace.CreateAsync();
        ScratchNamespace host = await ScratchNamespace.CreateAsync();
        await pod.ExecuteAsync($"ip link add eth0 type veth peer name eth0 netns {host.Network.DescriptorPath}");
        foreach ((ScratchNamespace side, int last) in new[] { (pod, 2), (host, 1) })
        {
            // Without duplicate address detection an IPv6 address can be used at once.
            await side.ExecuteAsync(string.Create(CultureInfo.InvariantCulture, $"ip addr add 10.9.0.{last}/24 dev eth0"));
            await side.ExecuteAsync(string.Create(CultureInfo.InvariantCulture, $"ip addr add fd09::{last}/64 dev eth0 nodad"));
            await side.ExecuteAsync("ip link set eth0 up");
        }

        await host.ExecuteAsync("ip addr add 10.99.0.9/32 dev lo");
        await host.ExecuteAsync("ip addr add fd99::9/128 dev lo nodad");
        await pod.ExecuteAsync("ip route add default via 10.9.0.1");
        await pod.ExecuteAsync("ip -6 route add default via fd09::1");
        return new PodPair(pod, host);
    }

    public void Dispose()
    {
        Pod.Dispose();
        Host.Dispose();
    }
}
