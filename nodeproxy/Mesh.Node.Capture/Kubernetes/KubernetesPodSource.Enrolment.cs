using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Mesh.Api.Enrolment;
using Mesh.Node.Capture.Cni;
using Mesh.Node.Capture.Pods;

namespace Mesh.Node.Capture.Kubernetes;

/// <content>Whether a pod that is about to start belongs to the mesh.</content>
internal sealed partial class KubernetesPodSource : IPodEnrolment
{
    // An API object is at most 1.5 MiB in etcd as it is delivered.
    private const int ObjectBytesMax = 4 * 1024 * 1024;

    private static readonly TimeSpan s_askLimit = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Asks the API server for the pod and its namespace as they are now: what is watched may be older than the label that was set just
    /// before the pod was made. Where it does not answer, what it said last of this very pod holds.
    /// </summary>
    public async Task<PodSpec?> FindAsync(string podNamespace, string name, string? uid, CancellationToken cancellation)
    {
        PodObject? pod;
        NamespaceObject? space;
        try
        {
            string spacePath = $"/api/v1/namespaces/{Uri.EscapeDataString(podNamespace)}";
            pod = await GetAsync($"{spacePath}/pods/{Uri.EscapeDataString(name)}", ApiJson.Default.PodObject, cancellation);
            space = await GetAsync(spacePath, ApiJson.Default.NamespaceObject, cancellation);
        }
        catch (Exception away) when (away is HttpRequestException or IOException or ApiException or JsonException)
        {
            pod = _pods.Objects?.FirstOrDefault(known => IsAsked(known, podNamespace, name, uid));
            space = _namespaces.Objects?.FirstOrDefault(known => known.Metadata?.Name == podNamespace);
            if (pod is null || space is null)
            {
                throw new CaptureException($"the API server does not say: {away.Message}", away);
            }
        }

        if (pod is null || space is null || !IsAsked(pod, podNamespace, name, uid) || !IsOurs(pod))
        {
            // A static pod is made before the API server is told of it; the next attempt finds it there.
            throw new CaptureException($"the API server does not know the pod (uid {uid ?? "unknown"}) on this node yet");
        }

        return VerdictOf(pod, space.Metadata?.Labels) == CaptureVerdict.Captured ? SpecOf(pod) : null;
    }

    /// <summary>A kubelet calls a static pod by the hash of its file, the API server by a UID.</summary>
    private static bool IsAsked(PodObject pod, string podNamespace, string name, string? uid) =>
        pod.Metadata is { } metadata
        && metadata.Namespace == podNamespace
        && metadata.Name == name
        && (uid is null || metadata.Uid == uid || metadata.Annotations?.GetValueOrDefault(StaticPodHash) == uid);

    /// <returns>Null where there is none.</returns>
    private async Task<T?> GetAsync<T>(string path, JsonTypeInfo<T> type, CancellationToken cancellation)
        where T : class
    {
        try
        {
            byte[] answer = await _api.AskAsync(HttpMethod.Get, path, null, ObjectBytesMax, s_askLimit, cancellation);
            return JsonSerializer.Deserialize(answer, type);
        }
        catch (ApiException missing) when (missing.Code == HttpStatusCode.NotFound)
        {
            return null;
        }
    }
}
