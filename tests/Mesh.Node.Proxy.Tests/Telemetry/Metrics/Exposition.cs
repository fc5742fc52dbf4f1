using System.Globalization;
using System.IO.Pipelines;
using System.Text;
using Mesh.Node.Proxy.Telemetry.Metrics;

namespace Mesh.Node.Proxy.Tests.Telemetry.Metrics;

/// <summary>Scrapes a registry and reads the text back with a parser of its own, so that tests do not trust the writer's words.</summary>
internal static class Exposition
{
    public static async Task<string> TextAsync(MetricRegistry registry, ExpositionFormat format = ExpositionFormat.PrometheusText)
    {
        using MemoryStream stream = new();
        PipeWriter writer = PipeWriter.Create(stream, new StreamPipeWriterOptions(leaveOpen: true));
        await ExpositionWriter.WriteAsync(registry, format, writer, CancellationToken.None);
        await writer.CompleteAsync();
        return Encoding.UTF8.GetString(stream.ToArray());
    }

    public static async Task<List<Line>> LinesAsync(MetricRegistry registry) => Parse(await TextAsync(registry));

    /// <summary>The value of the one series of <paramref name="name"/> whose labels include all of <paramref name="labels"/>.</summary>
    public static double Value(this List<Line> lines, string name, params (string Name, string Value)[] labels) =>
        lines.Single(line => line.Name == name && labels.All(label => line.Labels.GetValueOrDefault(label.Name) == label.Value)).Value;

    public static List<Line> Parse(string text)
    {
        List<Line> lines = [];
        foreach (string line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            if (!line.StartsWith('#'))
            {
                lines.Add(ParseLine(line));
            }
        }

        return lines;
    }

    private static Line ParseLine(string line)
    {
        int nameEnd = line.IndexOfAny(['{', ' ']);
        Dictionary<string, string> labels = [];
        int position = nameEnd;
        if (line[position] == '{')
        {
            position++;
            while (line[position] != '}')
            {
                int equals = line.IndexOf('=', position);
                string label = line[position..equals];
                position = equals + 2;
                StringBuilder value = new();
                while (line[position] != '"')
                {
                    if (line[position] == '\\')
                    {
                        position++;
                        value.Append(line[position] == 'n' ? '\n' : line[position]);
                    }
                    else
                    {
                        value.Append(line[position]);
                    }

                    position++;
                }

                labels.Add(label, value.ToString());
                position++;
                if (line[position] == ',')
                {
                    position++;
                }
            }

            position++;
        }

        double number = line[(position + 1)..] switch
        {
            "+Inf" => double.PositiveInfinity,
            "-Inf" => double.NegativeInfinity,
            string text => double.Parse(text, CultureInfo.InvariantCulture),
        };
        return new Line(line[..nameEnd], labels, number);
    }

    internal sealed record Line(string Name, Dictionary<string, string> Labels, double Value);
}
