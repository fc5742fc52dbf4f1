using System.Net;

namespace Mesh.Control.Sources.Kubernetes;

/// <summary>The API server answered, but not with what was asked for.</summary>
public sealed class ApiException(HttpStatusCode code, string message, TimeSpan? retryAfter) : Exception($"{(int)code}: {message}")
{
    public HttpStatusCode Code { get; } = code;

    /// <summary>How long it wants to be left alone.</summary>
    public TimeSpan? RetryAfter { get; } = retryAfter;
}
