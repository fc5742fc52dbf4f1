using System.Globalization;
using System.Text.RegularExpressions;
using Mesh.Bench.Load.Measuring;

namespace Mesh.Bench.Load.Generators;

/// <summary>What h2load writes.</summary>
/// <param name="Done">Requests per second and thousands of requests.</param>
/// <param name="ContentBytes">Bytes of content in all answers together.</param>
internal sealed partial record H2LoadReport(WorkDone Done, long ContentBytes)
{
    private const double RequestsPerThousand = 1_000;

    /// <exception cref="BenchException">Something failed: a rate with failures in it is no rate.</exception>
    public static H2LoadReport Parse(string text)
    {
        Match rate = RatePattern().Match(text);
        Match requests = RequestsPattern().Match(text);
        Match statuses = StatusPattern().Match(text);
        Match content = ContentPattern().Match(text);
        if (!rate.Success || !requests.Success || !statuses.Success || !content.Success)
        {
            throw new BenchException($"h2load wrote no report but: {text.Trim()}");
        }

        long succeeded = Number(requests.Groups[1]);
        if (succeeded == 0 || requests.Groups[2].Value != "0 failed, 0 errored, 0 timeout" || Number(statuses.Groups[1]) < succeeded
            || statuses.Groups[2].Value != "0 3xx, 0 4xx, 0 5xx")
        {
            throw new BenchException($"h2load: {requests.Value.Trim()}; {statuses.Value.Trim()}");
        }

        double perSecond = double.Parse(rate.Groups[1].ValueSpan, CultureInfo.InvariantCulture);
        return new H2LoadReport(new WorkDone(perSecond, succeeded / RequestsPerThousand), Number(content.Groups[1]));
    }

    /// <summary>The times answers took, from the file that <c>--log-file</c> names.</summary>
    /// <exception cref="BenchException">A stream failed, or a line is none of h2load's.</exception>
    public static LatencyHistogram ParseLog(IEnumerable<string> lines)
    {
        var latencies = new LatencyHistogram();
        foreach (string line in lines)
        {
            // Start in microseconds, status, microseconds to the end of the answer.
            string[] fields = line.Split('\t');
            if (fields.Length < 3 || fields[1] != "200"
                || !long.TryParse(fields[2], NumberStyles.None, CultureInfo.InvariantCulture, out long microseconds))
            {
                throw new BenchException($"h2load has logged: {line}");
            }

            latencies.Add(microseconds);
        }

        return latencies;
    }

    private static long Number(Group digits) => long.Parse(digits.ValueSpan, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^finished in .*?, ([\d.]+) req/s", RegexOptions.Multiline)]
    private static partial Regex RatePattern();

    [GeneratedRegex(@"^requests: .*? (\d+) succeeded, (.*)$", RegexOptions.Multiline)]
    private static partial Regex RequestsPattern();

    [GeneratedRegex(@"^status codes: (\d+) 2xx, (.*)$", RegexOptions.Multiline)]
    private static partial Regex StatusPattern();

    [GeneratedRegex(@"^traffic: .*\((\d+)\) data$", RegexOptions.Multiline)]
    private static partial Regex ContentPattern();
}
