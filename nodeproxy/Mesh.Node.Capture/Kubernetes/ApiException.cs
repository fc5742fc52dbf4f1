using System.Net;

namespace Mesh.Node.Capture.Kubernetes;

/// <summary>The API server answered, but not with what was asked for.</summary>
internal sealed class ApiException(HttpStatusCode code, string message) : Exception($"{(int)code}: {message}")
{
    public HttpStatusCode Code { get; } = code;
}
