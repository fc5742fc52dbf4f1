using System.Globalization;

namespace Mesh.Lab;

/// <summary>One series of a scrape.</summary>
public sealed record MetricSample(string Name, IReadOnlyDictionary<string, string> Labels, double Value);

/// <summary>The series of a scrape in the Prometheus text format (also OpenMetrics, whose additions are skipped).</summary>
public sealed class MetricSamples
{
    private MetricSamples(IReadOnlyList<MetricSample> samples)
    {
        All = samples;
    }

    public IReadOnlyList<MetricSample> All { get; }

    /// <exception cref="FormatException">A line is neither a comment nor a series.</exception>
    public static MetricSamples Parse(string text)
    {
        var samples = new List<MetricSample>();
        foreach (string line in text.Split('\n').Where(line => line.Length > 0 && line[0] != '#'))
        {
            samples.Add(ParseLine(line.TrimEnd('\r')));
        }

        return new MetricSamples(samples);
    }

    /// <summary>The sum of the series of a name that carry all the given labels.</summary>
    public double Sum(string name, params ReadOnlySpan<(string Label, string Value)> labels)
    {
        double sum = 0;
        foreach (MetricSample sample in All)
        {
            if (sample.Name == name && Carries(sample, labels))
            {
                sum += sample.Value;
            }
        }

        return sum;
    }

    private static bool Carries(MetricSample sample, ReadOnlySpan<(string Label, string Value)> labels)
    {
        foreach ((string label, string value) in labels)
        {
            if (sample.Labels.GetValueOrDefault(label) != value)
            {
                return false;
            }
        }

        return true;
    }

    private static MetricSample ParseLine(string line)
    {
        var labels = new Dictionary<string, string>(StringComparer.Ordinal);
        int position = line.IndexOfAny(['{', ' ']);
        if (position <= 0)
        {
            throw new FormatException($"'{line}' is no series.");
        }

        string name = line[..position];
        if (line[position] == '{')
        {
            position = ParseLabels(line, position + 1, labels);
        }

        // A time stamp or an exemplar may follow the value.
        string value = line[position..].Split(' ', StringSplitOptions.RemoveEmptyEntries)[0];
        return new MetricSample(name, labels, value switch
        {
            "+Inf" => double.PositiveInfinity,
            "-Inf" => double.NegativeInfinity,
            _ => double.Parse(value, CultureInfo.InvariantCulture),
        });
    }

    // Values are quoted; a backslash escapes a quote, a backslash and a line feed (as \n).
    private static int ParseLabels(string line, int position, Dictionary<string, string> labels)
    {
        while (line[position] != '}')
        {
            int equals = line.IndexOf('=', position);
            string label = line[position..equals].Trim(',', ' ');
            var value = new System.Text.StringBuilder();
            for (position = equals + 2; line[position] != '"'; position++)
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
            }

            labels[label] = value.ToString();
            position++;
            if (line[position] == ',')
            {
                position++;
            }
        }

        return position + 1;
    }
}
