using System.Diagnostics.Metrics;
using System.Reflection;
using System.Text.RegularExpressions;
using Mesh.Control.Hosting;
using Mesh.Control.Serving;
using Microsoft.Extensions.Logging;
using Xunit;

namespace Mesh.Control.Tests.Control;

/// <summary>The pages an operator reads say what the code does.</summary>
public sealed partial class DocumentationTests
{
    [Fact]
    public void The_page_of_metrics_names_every_instrument_with_its_unit_and_no_other()
    {
        IEnumerable<string> measured = typeof(ServingMetrics).GetFields(BindingFlags.Public | BindingFlags.Static)
            .Select(field => field.GetValue(null))
            .OfType<Instrument>()
            .Select(instrument => $"{instrument.Name} {instrument.Unit}".Trim());

        IEnumerable<string> documented = RowsOf("metrics.md", MetricRow()).Select(row => $"{row.Groups[1].Value} {row.Groups[2].Value}".Trim());

        Assert.Equal(measured.Order(StringComparer.Ordinal), documented.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_page_of_messages_names_every_event_with_its_level_and_no_other()
    {
        IEnumerable<string> logged = new[] { typeof(ControlPlane).Assembly, typeof(ServingMetrics).Assembly }
            .SelectMany(assembly => assembly.GetTypes())
            .SelectMany(type => type.GetMethods(BindingFlags.Static | BindingFlags.NonPublic | BindingFlags.DeclaredOnly))
            .Select(method => method.GetCustomAttribute<LoggerMessageAttribute>())
            .OfType<LoggerMessageAttribute>()
            .Select(message => $"{message.EventId} {NameOf(message.Level)}");

        IEnumerable<string> documented = RowsOf("operations.md", EventRow()).Select(row => $"{row.Groups[1].Value} {row.Groups[2].Value}");

        Assert.Equal(logged.Order(StringComparer.Ordinal), documented.Order(StringComparer.Ordinal));
    }

    private static string NameOf(LogLevel level) => level == LogLevel.Information ? "info" : level.ToString().ToLowerInvariant();

    private static List<Match> RowsOf(string page, Regex row)
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Mesh.Node.sln")))
        {
            folder = folder.Parent;
        }

        Assert.NotNull(folder);
        return
        [
            .. File.ReadLines(Path.Combine(folder.FullName, "ctlplane", "docs", page))
                .Select(line => row.Match(line))
                .Where(match => match.Success),
        ];
    }

    [GeneratedRegex(@"^\| `(mesh\.[a-z.]+)` \| *(s?) *\|")]
    private static partial Regex MetricRow();

    [GeneratedRegex(@"^\| (\d{4}) \| (\w+) \|")]
    private static partial Regex EventRow();
}
