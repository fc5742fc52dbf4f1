using System.Text;
using System.Text.Json.Nodes;
using Mesh.Control.Sources.Kubernetes;

namespace Mesh.Control.Cluster;

/// <summary>
/// Keeps the roots in the ValidatingWebhookConfiguration, so that the API server trusts the port that validates through every rotation.
/// Where nobody has installed it, there is nothing to do. One loop, which works while this replica leads.
/// </summary>
/// <param name="objects">The API server.</param>
/// <param name="roots">What is trusted, as PEM.</param>
/// <param name="isLeader">Whether this process may write.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Says what cannot be written.</param>
internal sealed partial class WebhookTrust(
    KubernetesObjects objects, Func<string> roots, Func<bool> isLeader, TimeProvider time, ILogger<WebhookTrust> logger)
{
    public const string ConfigurationName = "mesh-control";

    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(2);

    private readonly string _path = KubernetesObjects.PathOf(
        "admissionregistration.k8s.io/v1", "validatingwebhookconfigurations", @namespace: string.Empty, ConfigurationName);

    private string _lastProblem = string.Empty;

    public async Task RunAsync(CancellationToken cancellation)
    {
        using var timer = new PeriodicTimer(s_interval, time);
        while (await timer.WaitForNextTickAsync(cancellation))
        {
            if (!isLeader())
            {
                continue;
            }

            try
            {
                await WriteAsync(cancellation);
                _lastProblem = string.Empty;
            }
            catch (Exception exception) when (exception
                is ApiException or HttpRequestException or IOException or InvalidOperationException)
            {
                if (exception.Message != _lastProblem)
                {
                    _lastProblem = exception.Message;
                    NotWritten(logger, ConfigurationName, exception.Message);
                }
            }
        }
    }

    private async Task WriteAsync(CancellationToken cancellation)
    {
        if (await objects.FindAsync(_path, cancellation) is not { } configuration)
        {
            return;
        }

        string wanted = Convert.ToBase64String(Encoding.ASCII.GetBytes(roots()));
        bool isChanged = false;
        foreach (JsonNode? webhook in configuration["webhooks"] as JsonArray ?? [])
        {
            if (webhook?["clientConfig"] is JsonObject client && client["caBundle"]?.GetValue<string>() != wanted)
            {
                client["caBundle"] = wanted;
                isChanged = true;
            }
        }

        // Somebody else's change at the same time is seen in the next round.
        if (isChanged)
        {
            await objects.ReplaceAsync(_path, configuration, cancellation);
        }
    }

    [LoggerMessage(
        EventId = 1751,
        Level = LogLevel.Warning,
        Message = "The roots cannot be put into the ValidatingWebhookConfiguration {Name}: {Problem}")]
    private static partial void NotWritten(ILogger logger, string name, string problem);
}
