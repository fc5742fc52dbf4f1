namespace Mesh.Control.Sources.Kubernetes;

/// <summary>How the API server is followed.</summary>
public sealed record KubernetesSourceOptions
{
    /// <summary>Where the mesh's configuration lies. Default <c>istio-system</c>.</summary>
    public string RootNamespace { get; init; } = "istio-system";

    /// <summary>Objects asked for at once; 1 or more. Default 500.</summary>
    public int PageObjects { get; init; } = 500;

    /// <summary>A larger answer to a list is refused, and fewer objects are asked for. Default 64 MiB.</summary>
    public int PageBytesMax { get; init; } = 64 * 1_024 * 1_024;

    /// <summary>A larger event ends its watch. The API server's own limit for an object is 3 MiB. Default 8 MiB.</summary>
    public int EventBytesMax { get; init; } = 8 * 1_024 * 1_024;

    /// <summary>How long one watch is asked to last, a random part of a half less. Default 5 min.</summary>
    public TimeSpan WatchDuration { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>
    /// A watch that says nothing for this long, no bookmark either, which come every minute, is taken for dead and begun anew. Default
    /// 2 min.
    /// </summary>
    public TimeSpan SilenceMax { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>How long any other answer may take. Default 60 s.</summary>
    public TimeSpan AnswerTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Everything is listed anew this often, a random part of a half less, whatever the watches said. Default 1 h.</summary>
    public TimeSpan ResyncInterval { get; init; } = TimeSpan.FromHours(1);

    /// <summary>How often a kind that is not served is looked for. Default 10 s.</summary>
    public TimeSpan AbsentPollInterval { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The first wait after a failure; it doubles up to <see cref="BackOffMax"/>. Default 200 ms.</summary>
    public TimeSpan BackOffMin { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>Default 30 s.</summary>
    public TimeSpan BackOffMax { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long nothing must change before a change is delivered. Default 100 ms.</summary>
    public TimeSpan QuietPeriod { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>What never comes to rest is delivered after this long. Default 1 s.</summary>
    public TimeSpan QuietPeriodMax { get; init; } = TimeSpan.FromSeconds(1);
}
