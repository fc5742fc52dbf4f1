using System.Net;
using System.Text.Json;

namespace Mesh.Control.Sources.Kubernetes;

/// <summary>Asks which kinds the API server serves, and in which versions.</summary>
internal sealed class Discovery(KubernetesApi api, TimeSpan timeout)
{
    private const int AnswerBytesMax = 4 * 1_024 * 1_024;

    /// <returns>
    /// The version to read: the first understood, or where none is, the one the API server names first, which the dialects remark. Null
    /// when the kind is not served.
    /// </returns>
    /// <exception cref="ApiException">The API server does not say.</exception>
    /// <exception cref="UnreadableException">What it says is not understood.</exception>
    public async Task<string?> FindVersionAsync(WatchedKind kind, CancellationToken cancellation)
    {
        if (kind.IsBuiltIn)
        {
            return kind.Versions[0];
        }

        if (await FindTextsAsync($"apis/{kind.Group}", "versions", "version", cancellation) is not { } served)
        {
            return null;
        }

        foreach (string version in kind.Versions.Where(served.Contains).Concat(served.Except(kind.Versions)))
        {
            if (await FindTextsAsync(kind.PathOf(version), "resources", "name", cancellation) is { } resources
                && resources.Contains(kind.Plural))
            {
                return version;
            }
        }

        return null;
    }

    /// <returns>One text of each item of a list of the answer; null when there is nothing at that path.</returns>
    private async Task<List<string>?> FindTextsAsync(string path, string list, string text, CancellationToken cancellation)
    {
        try
        {
            using var answer = JsonDocument.Parse(await api.GetAsync(path, AnswerBytesMax, timeout, cancellation));
            return [.. answer.RootElement.GetProperty(list).EnumerateArray().Select(item => item.GetProperty(text).GetString()!)];
        }
        catch (ApiException exception) when (exception.Code == HttpStatusCode.NotFound)
        {
            return null;
        }
        catch (Exception exception) when (exception is KeyNotFoundException or InvalidOperationException)
        {
            throw new UnreadableException(list, $"{path} has no {list}.");
        }
    }
}
