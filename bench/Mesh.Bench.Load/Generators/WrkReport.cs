using System.Globalization;
using System.Text.RegularExpressions;
using Mesh.Bench.Load.Measuring;

namespace Mesh.Bench.Load.Generators;

/// <summary>What wrk writes.</summary>
internal static partial class WrkReport
{
    private const double RequestsPerThousand = 1_000;

    /// <returns>Requests per second and thousands of requests.</returns>
    /// <exception cref="BenchException">There were errors: a rate with failures in it is no rate.</exception>
    public static WorkDone Parse(string text)
    {
        Match requests = RequestsPattern().Match(text);
        Match rate = RatePattern().Match(text);
        if (!requests.Success || !rate.Success)
        {
            throw new BenchException($"wrk wrote no report but: {text.Trim()}");
        }

        Match trouble = TroublePattern().Match(text);
        if (trouble.Success)
        {
            throw new BenchException($"wrk: {trouble.Value.Trim()}");
        }

        double done = double.Parse(requests.Groups[1].ValueSpan, CultureInfo.InvariantCulture);
        return done > 0
            ? new WorkDone(double.Parse(rate.Groups[1].ValueSpan, CultureInfo.InvariantCulture), done / RequestsPerThousand)
            : throw new BenchException("wrk: no request was answered");
    }

    [GeneratedRegex(@"^\s*(\d+) requests in ", RegexOptions.Multiline)]
    private static partial Regex RequestsPattern();

    [GeneratedRegex(@"^Requests/sec:\s+([\d.]+)", RegexOptions.Multiline)]
    private static partial Regex RatePattern();

    [GeneratedRegex(@"^\s*(Socket errors|Non-2xx or 3xx responses):.*$", RegexOptions.Multiline)]
    private static partial Regex TroublePattern();
}
