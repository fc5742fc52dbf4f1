using System.Globalization;
using Mesh.Node.Proxy.Explain;
using Mesh.Node.Proxy.Telemetry.Logging;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Mesh.Node.Proxy.Admin;

/// <summary>Port 15000: what the proxy knows and does, for its administrator.</summary>
internal sealed partial class AdminPages : Pages
{
    /// <summary>Connections shown when the request names no number.</summary>
    private const int ConnectionsShown = 1_000;

    private readonly AdminSources _sources;
    private readonly ILogger _logger;

    public AdminPages(AdminSources sources)
    {
        _sources = sources;
        _logger = sources.Telemetry.Loggers.CreateLogger(typeof(AdminPages).FullName!);
        Add("/", new Page("this list", context => TextAsync(context, StatusCodes.Status200OK, Index())));
        Add("/config_dump", new Page("the snapshot in force, as JSON", AnswerConfigurationAsync));
        Add("/clusters", new Page("services, their endpoints, destinations, and tunnels; ?format=json", AnswerClustersAsync));
        Add("/explain", new Page(
            "what would become of a request; ?from=NAMESPACE/POD&to=HOST:PORT, &method=, &path=, &host=, &header=NAME: VALUE, &format=json",
            AnswerExplanationAsync));
        Add("/certs", new Page("certificates of this node's workloads, as JSON", AnswerCertificatesAsync));
        Add("/connections", new Page("open connections, as JSON; ?max=N, ?workload=NAME", AnswerConnectionsAsync));
        Add("/logging", new Page("the log's level; ?level=trace|debug|info|warn|error|off to set it", AnswerLevelAsync, SetLevelAsync));
    }

    /// <inheritdoc />
    protected override bool IsHostAllowed(string host) => IsAddress(host);

    private Task AnswerConfigurationAsync(HttpContext context) => JsonPage.WriteAsync(context, async json =>
    {
        json.Writer.WriteStartObject();
        await ConfigurationDump.WriteAsync(json, _sources);
        json.Writer.WriteEndObject();
    });

    private Task AnswerClustersAsync(HttpContext context)
    {
        string format = context.Request.Query["format"].ToString();
        if (format == "json")
        {
            return JsonPage.WriteAsync(context, json => ClusterDump.WriteJsonAsync(json, _sources));
        }

        if (format is not ("" or "text"))
        {
            return TextAsync(context, StatusCodes.Status400BadRequest, $"format: '{format}' is not text or json.\n");
        }

        context.Response.ContentType = "text/plain; charset=utf-8";
        return ClusterDump.WriteTextAsync(context.Response.BodyWriter, _sources, context.RequestAborted);
    }

    private Task AnswerExplanationAsync(HttpContext context)
    {
        string format = context.Request.Query["format"].ToString();
        if (format is not ("" or "text" or "json"))
        {
            return TextAsync(context, StatusCodes.Status400BadRequest, $"format: '{format}' is not text or json.\n");
        }

        if (!ExplainQuestion.TryRead(context.Request.Query, out ExplainQuestion? question, out string? error))
        {
            return TextAsync(context, StatusCodes.Status400BadRequest, $"{error}\n");
        }

        Explanation explanation;
        try
        {
            explanation = _sources.Explainer.Explain(question);
        }
        catch (FormatException unanswerable)
        {
            return TextAsync(context, StatusCodes.Status400BadRequest, $"{unanswerable.Message}\n");
        }

        if (format == "json")
        {
            return JsonPage.WriteAsync(context, json =>
            {
                ExplanationJson.Write(json.Writer, explanation);
                return Task.CompletedTask;
            });
        }

        return TextAsync(context, StatusCodes.Status200OK, ExplanationText.Write(explanation));
    }

    private Task AnswerCertificatesAsync(HttpContext context) => JsonPage.WriteAsync(context, async json =>
    {
        json.Writer.WriteStartArray();
        await CertificateDump.WriteAsync(json, _sources.Certificates);
        json.Writer.WriteEndArray();
    });

    private Task AnswerConnectionsAsync(HttpContext context)
    {
        string max = context.Request.Query["max"].ToString();
        int shown = ConnectionsShown;
        if (max.Length > 0 && (!int.TryParse(max, NumberStyles.None, CultureInfo.InvariantCulture, out shown) || shown == 0))
        {
            return TextAsync(context, StatusCodes.Status400BadRequest, $"max: '{max}' is not a number above 0.\n");
        }

        string workload = context.Request.Query["workload"].ToString();
        return JsonPage.WriteAsync(context, json => ConnectionDump.WriteAsync(json, _sources.Telemetry, shown, workload));
    }

    private Task AnswerLevelAsync(HttpContext context) => context.Request.Query.ContainsKey("level")
        ? TextAsync(context, StatusCodes.Status405MethodNotAllowed, "Setting the level takes a POST.\n")
        : ShowLevelAsync(context);

    private Task SetLevelAsync(HttpContext context)
    {
        string text = context.Request.Query["level"].ToString();
        if (!LogLevelSwitch.TryParse(text, out LogLevel level))
        {
            return TextAsync(
                context, StatusCodes.Status400BadRequest, $"level: '{text}' is none of trace, debug, info, warn, error, off.\n");
        }

        string before = LogLevelSwitch.Word(_sources.Telemetry.Log.Level.Level);
        string after = LogLevelSwitch.Word(level);
        LevelChanged(_logger, before, after);
        _sources.Telemetry.Log.Level.Level = level;
        return ShowLevelAsync(context);
    }

    private Task ShowLevelAsync(HttpContext context) =>
        TextAsync(context, StatusCodes.Status200OK, $"level: {LogLevelSwitch.Word(_sources.Telemetry.Log.Level.Level)}\n");

    [LoggerMessage(Level = LogLevel.Information, Message = "The log's level goes from {Before} to {After}, as asked on the admin port.")]
    private static partial void LevelChanged(ILogger logger, string before, string after);
}
