namespace Mesh.Node.Proxy.Http.Detection;

/// <summary>A port as one client's workload sees it.</summary>
/// <param name="Client">
/// The client's workload. A part of the key, so that a client that keeps silent on purpose changes nothing for others.
/// </param>
/// <param name="Owner">The service or workload whose port it is, by its key or uid.</param>
/// <param name="Port">The port.</param>
internal readonly record struct PortKey(string Client, string Owner, int Port);
