using System.Text.Json.Nodes;
using Mesh.Control.Serving.Authentication;
using Mesh.Control.Sources.Kubernetes;

namespace Mesh.Control.Cluster;

/// <summary>
/// Asks the API server whose a token is, and on which node the pod it is bound to runs. A token that is not bound to a pod proves no node.
/// </summary>
/// <param name="objects">The API server.</param>
/// <param name="audience">Whom tokens must be for.</param>
internal sealed class TokenReviews(KubernetesObjects objects, string audience)
{
    private const string Reviews = "apis/authentication.k8s.io/v1/tokenreviews";
    private const string PodName = "authentication.kubernetes.io/pod-name";
    private const string PodUid = "authentication.kubernetes.io/pod-uid";
    private const string NodeName = "authentication.kubernetes.io/node-name";

    /// <param name="token">As presented.</param>
    /// <param name="namespace">Of the service account it must be of.</param>
    /// <param name="account">Its name.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    /// <exception cref="ApiException">The API server does not let us ask.</exception>
    /// <exception cref="HttpRequestException">No answer.</exception>
    public async Task<RecognisedToken> AskAsync(string token, string @namespace, string account, CancellationToken cancellation)
    {
        JsonObject review = await objects.CreateAsync(
            Reviews,
            new JsonObject
            {
                ["apiVersion"] = "authentication.k8s.io/v1",
                ["kind"] = "TokenReview",
                ["spec"] = new JsonObject { ["token"] = token, ["audiences"] = new JsonArray(audience) },
            },
            cancellation) ?? throw new HttpRequestException("The API server calls a question a conflict.");
        JsonNode? status = review["status"];
        if (status?["authenticated"]?.GetValue<bool>() != true)
        {
            return RecognisedToken.Refused("The API server does not know the token, or it has expired, or its pod is gone.");
        }

        // A server that knows nothing of audiences confirms none: its tokens would be good everywhere.
        if (!Texts(status["audiences"]).Contains(audience))
        {
            return RecognisedToken.Refused($"The token is not for the audience {audience}.");
        }

        if (status["user"]?["username"]?.GetValue<string>() != ServiceAccountTokens.UserOf(@namespace, account))
        {
            return RecognisedToken.Refused("The token is of another service account than a node's.");
        }

        JsonNode? extra = status["user"]!["extra"];
        if (Texts(extra?[PodName]) is not [var pod] || Texts(extra?[PodUid]) is not [var uid])
        {
            return RecognisedToken.Refused("The token is not bound to a pod, so it proves no node. Mount a projected token.");
        }

        string? node = Texts(extra?[NodeName]) is [{ Length: > 0 } named]
            ? named
            : await FindNodeAsync(@namespace, pod, uid, cancellation);
        return node is null
            ? RecognisedToken.Refused($"The pod {@namespace}/{pod} is not there, or is on no node.")
            : RecognisedToken.Of(new NodeCaller(node, $"{@namespace}/{pod}", CancellationToken.None));
    }

    /// <summary>Servers before 1.32 do not say it with the token.</summary>
    private async Task<string?> FindNodeAsync(string @namespace, string name, string uid, CancellationToken cancellation)
    {
        JsonObject? pod = await objects.FindAsync(KubernetesObjects.PathOf("v1", "pods", @namespace, name), cancellation);
        return pod?["metadata"]?["uid"]?.GetValue<string>() == uid
            && pod["spec"]?["nodeName"]?.GetValue<string>() is { Length: > 0 } node
            ? node
            : null;
    }

    private static List<string> Texts(JsonNode? list) => [.. (list as JsonArray ?? []).Select(text => text!.GetValue<string>())];
}
