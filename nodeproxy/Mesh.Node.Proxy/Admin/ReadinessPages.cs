using Mesh.Node.Proxy.Telemetry;
using Microsoft.AspNetCore.Http;

namespace Mesh.Node.Proxy.Admin;

/// <summary>Port 15021: whether this node can take traffic now, asked of the loops themselves.</summary>
internal sealed class ReadinessPages : Pages
{
    /// <summary>A loop that has not answered by then does not serve its connections either.</summary>
    private static readonly TimeSpan s_loopTime = TimeSpan.FromSeconds(1);

    private readonly NodeTelemetry _telemetry;
    private readonly IReadOnlyList<IReadinessPart> _parts;

    public ReadinessPages(NodeTelemetry telemetry, IReadOnlyList<IReadinessPart> parts)
    {
        _telemetry = telemetry;
        _parts = parts;
        Add("/healthz/ready", new Page("200 when this node can take traffic, else what it waits for", AnswerReadyAsync));
    }

    private async Task AnswerReadyAsync(HttpContext context)
    {
        List<string> pending = [];
        foreach (IReadinessPart part in _parts)
        {
            if (part.Pending is string reason)
            {
                pending.Add($"{part.Name}: {reason}");
            }
        }

        IReadOnlyList<string> late = [];
        if (_telemetry.Visits is LoopVisits visits)
        {
            late = await visits.AskAsync(s_loopTime);
        }
        else
        {
            pending.Add("loops: not started");
        }

        // A part that waits is normal at start; a loop that does not turn is a fault, and says so by its status.
        int status = late.Count > 0
            ? StatusCodes.Status500InternalServerError
            : pending.Count > 0 ? StatusCodes.Status503ServiceUnavailable : StatusCodes.Status200OK;
        IEnumerable<string> lines = late.Select(loop => $"{loop}: did not answer within {s_loopTime.TotalSeconds} s").Concat(pending);
        await TextAsync(context, status, status == StatusCodes.Status200OK ? "ready\n" : string.Concat(lines.Select(line => line + "\n")));
    }
}
