using System.Collections.Immutable;

namespace Mesh.Node.Protocols.Probes;

/// <summary>What may be asked of one port by probes. Where both lists are empty, a probe opens a connection and says nothing.</summary>
/// <param name="HttpPaths">Paths a GET may ask for, as declared; each begins with a slash and may have a query.</param>
/// <param name="GrpcServices">Services a gRPC health check may ask about; the empty name is the server as a whole.</param>
public sealed record ProbeRequests(ImmutableArray<string> HttpPaths, ImmutableArray<string> GrpcServices);
