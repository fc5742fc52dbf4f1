using System.Diagnostics.Metrics;
using System.Reflection;
using Mesh.Control.Hosting;
using Mesh.Control.Serving;
using Mesh.Control.Sources.Kubernetes;
using Mesh.Control.Tests.Support;
using Microsoft.Extensions.Logging;
using Xunit;

namespace Mesh.Control.Tests.Control;

/// <summary>The pages an operator reads say what the code does.</summary>
public sealed class DocumentationTests
{
    [Fact]
    public void The_page_of_metrics_names_every_instrument_with_its_unit_and_no_other()
    {
        IEnumerable<string> measured = new[] { typeof(ServingMetrics), typeof(SourceMetrics) }
            .SelectMany(type => type.GetFields(BindingFlags.Public | BindingFlags.Static))
            .Select(field => field.GetValue(null))
            .OfType<Instrument>()
            .Select(instrument => $"{instrument.Name} {instrument.Unit}".Trim());

        IEnumerable<string> documented = DocumentedTables.Instruments();

        Assert.Equal(measured.Order(StringComparer.Ordinal), documented.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_page_of_messages_names_every_event_with_its_level_and_no_other()
    {
        IEnumerable<string> logged = new[] { typeof(ControlPlane).Assembly, typeof(ServingMetrics).Assembly, typeof(SourceMetrics).Assembly }
            .SelectMany(assembly => assembly.GetTypes())
            .SelectMany(type => type.GetMethods(BindingFlags.Static | BindingFlags.NonPublic | BindingFlags.DeclaredOnly))
            .Select(method => method.GetCustomAttribute<LoggerMessageAttribute>())
            .OfType<LoggerMessageAttribute>()
            .Select(message => $"{message.EventId} {NameOf(message.Level)}");

        IEnumerable<string> documented = DocumentedTables.Events();

        Assert.Equal(logged.Order(StringComparer.Ordinal), documented.Order(StringComparer.Ordinal));
    }

    private static string NameOf(LogLevel level) => level == LogLevel.Information ? "info" : level.ToString().ToLowerInvariant();
}
