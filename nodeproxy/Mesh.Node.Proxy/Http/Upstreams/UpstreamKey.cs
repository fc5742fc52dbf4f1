using System.Net;
using Mesh.Api.Identity;
using Mesh.Node.Model.Traffic;

namespace Mesh.Node.Proxy.Http.Upstreams;

/// <summary>What two requests of a pod must agree in to share a connection to an upstream.</summary>
/// <param name="Service">The service's key; empty where none was asked for.</param>
/// <param name="Workload">The endpoint's uid.</param>
/// <param name="Address">The endpoint's address.</param>
/// <param name="Port">The application's port there.</param>
/// <param name="Identity">Who the client is; null when unknown.</param>
/// <param name="Client">
/// The client's address where the upstream sees it: what judges by address judges every request alike. Null where the kernel chooses.
/// </param>
/// <param name="IsOnNode">The application is connected to directly, in its namespace.</param>
/// <param name="IsHttp2">The upstream is spoken to in HTTP/2.</param>
internal readonly record struct UpstreamKey(
    string Service, string Workload, IPAddress Address, ushort Port, SpiffeId? Identity, IPAddress? Client, bool IsOnNode, bool IsHttp2)
{
    /// <summary>How TLS is begun with the upstream; null for none.</summary>
    public TlsOrigination? Tls { get; init; }

    /// <summary>The host that TLS is for; empty where there is none, or its rule says which.</summary>
    public string ServerName { get; init; } = "";
}
