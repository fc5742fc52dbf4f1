using System.Text;
using System.Text.Json;
using Mesh.Node.Proxy.Telemetry;
using Mesh.Node.Proxy.Telemetry.Logging;
using Mesh.Testing;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Telemetry.Logging;

public sealed partial class LogWriterTests
{
    [Fact]
    public void Everything_handed_over_before_the_end_is_written()
    {
        using MemoryStream output = new();
        using (LogWriter writer = new(output, new LogOptions(), loops: 2))
        {
            for (int index = 0; index < 1_000; index++)
            {
                writer.Access(index % 2, Ended(id: index), AccessEvent.Closed);
            }

            writer.Line("a line\n"u8.ToArray());
        }

        string[] lines = Lines(output);
        Assert.Equal(1_001, lines.Length);
        Assert.Contains("a line", lines);
        Assert.Equal(Enumerable.Range(0, 1_000), lines.Where(line => line != "a line").Select(IdOf).Order());
    }

    [Fact]
    public void Lines_of_one_loop_keep_their_order()
    {
        using MemoryStream output = new();
        using (LogWriter writer = new(output, new LogOptions(), loops: 1))
        {
            for (int index = 0; index < 1_000; index++)
            {
                writer.Access(0, Ended(id: index), AccessEvent.Closed);
            }
        }

        Assert.Equal(Enumerable.Range(0, 1_000), Lines(output).Select(IdOf));
    }

    [Fact]
    public void A_reader_that_stands_still_never_holds_a_loop_and_what_does_not_fit_is_counted()
    {
        using GatedStream output = new();
        using LogWriter writer = new(output, new LogOptions { AccessQueueMax = 64, LineQueueMax = 10 }, loops: 1);
        writer.Line("first\n"u8.ToArray());
        output.WaitForWriter();

        for (int index = 0; index < 100; index++)
        {
            writer.Access(0, Ended(id: index), AccessEvent.Closed);
            writer.Line("line\n"u8.ToArray());
        }

        Assert.Equal(100 - 64, writer.AccessDropped);
        Assert.Equal(100 - 10, writer.LinesDropped);

        output.Open();
        writer.Dispose();
        Assert.Equal(64, writer.AccessWritten);
        Assert.Equal(1 + 10 + 64, output.Lines);
    }

    [Fact]
    public void An_output_that_refuses_is_counted_and_the_writer_lives_on()
    {
        using FailingStream output = new();
        using LogWriter writer = new(output, new LogOptions(), loops: 1);
        writer.Line("lost\n"u8.ToArray());
        Assert.True(SpinWait.SpinUntil(() => writer.WriteFailures == 1, TimeSpan.FromSeconds(60)));

        output.IsBroken = false;
        writer.Line("kept\n"u8.ToArray());
        writer.Dispose();
        Assert.Equal(["kept"], Lines(output));
    }

    [Theory]
    [InlineData(LogLevel.Information, CloseReason.Completed, true)]
    [InlineData(LogLevel.Warning, CloseReason.Completed, false)]
    [InlineData(LogLevel.Warning, CloseReason.PolicyDenied, true)]
    [InlineData(LogLevel.None, CloseReason.PolicyDenied, false)]
    public void The_level_decides_which_connections_are_logged(LogLevel level, CloseReason reason, bool isLogged)
    {
        using MemoryStream output = new();
        using (LogWriter writer = new(output, new LogOptions(), loops: 1))
        {
            writer.Level.Level = level;
            writer.Access(0, Ended(reason: reason), AccessEvent.Closed);
        }

        Assert.Equal(isLogged ? 1 : 0, Lines(output).Length);
    }

    [Fact]
    public void Opened_connections_are_logged_at_debug_only()
    {
        using MemoryStream output = new();
        using (LogWriter writer = new(output, new LogOptions(), loops: 1))
        {
            writer.Access(0, TestMesh.CartToStock(ConnectionPath.Outbound), AccessEvent.Opened);
            writer.Level.Level = LogLevel.Debug;
            writer.Access(0, TestMesh.CartToStock(ConnectionPath.Outbound), AccessEvent.Opened);
        }

        Assert.Contains(" debug access connection opened ", Assert.Single(Lines(output)), StringComparison.Ordinal);
    }

    [Fact]
    public void Off_means_no_line_of_any_connection()
    {
        using MemoryStream output = new();
        using (LogWriter writer = new(output, new LogOptions { Access = AccessLogMode.Off }, loops: 1))
        {
            writer.Access(0, Ended(reason: CloseReason.InternalError), AccessEvent.Closed);
        }

        Assert.Empty(Lines(output));
    }

    [Fact]
    public void Handing_a_connection_over_allocates_nothing_on_the_loop()
    {
        using LogWriter writer = new(Stream.Null, new LogOptions(), loops: 1);
        ConnectionRecord record = Ended();
        writer.Access(0, record, AccessEvent.Closed);

        Assert.Equal(0, SteadyState.AllocatedBytes(() =>
        {
            for (int index = 0; index < 10_000; index++)
            {
                writer.Access(0, record, AccessEvent.Closed);
            }
        }));
    }

    [Fact]
    public void The_programs_lines_have_time_level_category_and_the_exception()
    {
        using MemoryStream output = new();
        using (LogWriter writer = new(output, new LogOptions(), loops: 1))
        {
            ILogger logger = Loggers(writer).CreateLogger("Mesh.Node.Proxy.Pods");
            logger.Log(LogLevel.Debug, 0, "not shown", null, (state, _) => state);
            logger.Log(LogLevel.Warning, 0, "pod\nleft", new IOException("gone"), (state, _) => state);
        }

        Assert.Equal(
            "2025-11-23T12:00:00.000Z warn Mesh.Node.Proxy.Pods pod\\nleft error=\"System.IO.IOException: gone\"",
            Assert.Single(Lines(output)));
    }

    [Fact]
    public void The_programs_lines_in_json_carry_their_values_as_fields()
    {
        using MemoryStream output = new();
        using (LogWriter writer = new(output, new LogOptions { Format = LogFormat.Json }, loops: 1))
        {
            ILogger logger = Loggers(writer).CreateLogger("x");
            Messages.PodPorts(logger, "cart \"1\"", 2);
        }

        using JsonDocument json = JsonDocument.Parse(Assert.Single(Lines(output)));
        Assert.Equal("Pod cart \"1\" has 2 ports", json.RootElement.GetProperty("message").GetString());
        Assert.Equal("cart \"1\"", json.RootElement.GetProperty("Pod").GetString());
        Assert.Equal("2", json.RootElement.GetProperty("Ports").GetString());
        Assert.False(json.RootElement.TryGetProperty("{OriginalFormat}", out _));
    }

    [Theory]
    [InlineData("info", LogLevel.Information)]
    [InlineData("WARN", LogLevel.Warning)]
    [InlineData("Warning", LogLevel.Warning)]
    [InlineData("off", LogLevel.None)]
    public void Levels_are_read_in_both_vocabularies(string text, LogLevel expected)
    {
        Assert.True(LogLevelSwitch.TryParse(text, out LogLevel level));
        Assert.Equal(expected, level);
    }

    [Theory]
    [InlineData("")]
    [InlineData(null)]
    [InlineData("verbose")]
    [InlineData("info,access=debug")]
    public void Other_words_are_no_level(string? text) => Assert.False(LogLevelSwitch.TryParse(text, out _));

    [Theory]
    [InlineData("""{ "Level": "warn" }""", LogLevel.Warning)]
    [InlineData("""{ "Level": "Information" }""", LogLevel.Information)]
    [InlineData("""{ "Level": "off" }""", LogLevel.None)]
    public void The_configuration_file_uses_the_same_words(string json, LogLevel level) =>
        Assert.Equal(level, JsonSerializer.Deserialize<LogOptions>(json)!.Level);

    [Theory]
    [InlineData("""{ "Level": "loud" }""")]
    [InlineData("""{ "Level": 2 }""")]
    [InlineData("""{ "Level": null }""")]
    public void A_level_in_the_file_that_is_none_is_refused(string json) =>
        Assert.Throws<JsonException>(() => JsonSerializer.Deserialize<LogOptions>(json));

    private static NodeLoggerProvider Loggers(LogWriter writer) =>
        new(writer, new FakeTimeProvider(new DateTimeOffset(2025, 11, 23, 12, 0, 0, TimeSpan.Zero)));

    private static ConnectionRecord Ended(long id = 1, CloseReason reason = CloseReason.Completed)
    {
        ConnectionRecord record = TestMesh.CartToStock(ConnectionPath.Outbound);
        record.Id = id;
        record.ArePartiesKnown = true;
        record.TryEnd(reason);
        return record;
    }

    private static string[] Lines(MemoryStream output) =>
        Encoding.UTF8.GetString(output.ToArray()).Split('\n', StringSplitOptions.RemoveEmptyEntries);

    private static int IdOf(string line)
    {
        string rest = line[(line.IndexOf(" id=", StringComparison.Ordinal) + " id=".Length)..];
        return int.Parse(rest[..rest.IndexOf(' ', StringComparison.Ordinal)], System.Globalization.CultureInfo.InvariantCulture);
    }

    private static partial class Messages
    {
        [LoggerMessage(Level = LogLevel.Information, Message = "Pod {Pod} has {Ports} ports")]
        public static partial void PodPorts(ILogger logger, string pod, int ports);
    }

    private sealed class FailingStream : MemoryStream
    {
        private volatile bool _isBroken = true;

        public bool IsBroken
        {
            get => _isBroken;
            set => _isBroken = value;
        }

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            if (IsBroken)
            {
                throw new IOException("Broken pipe");
            }

            base.Write(buffer);
        }
    }
}
