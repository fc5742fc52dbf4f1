using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Mesh.Node.Model.Retries;

/// <summary>Reads the list of conditions people write: names, and status codes among them. Pure.</summary>
public static class RetryConditionList
{
    private static readonly FrozenDictionary<string, RetryConditions> s_names = new Dictionary<string, RetryConditions>
    {
        ["5xx"] = RetryConditions.ServerError,
        ["gateway-error"] = RetryConditions.GatewayError,
        ["reset"] = RetryConditions.Reset,
        ["reset-before-request"] = RetryConditions.ResetBeforeRequest,
        ["connect-failure"] = RetryConditions.ConnectFailure,
        ["refused-stream"] = RetryConditions.RefusedStream,
        ["retriable-4xx"] = RetryConditions.Conflict,
        ["retriable-status-codes"] = RetryConditions.StatusCodes,
        ["envoy-ratelimited"] = RetryConditions.RateLimited,
        ["cancelled"] = RetryConditions.GrpcCancelled,
        ["deadline-exceeded"] = RetryConditions.GrpcDeadlineExceeded,
        ["internal"] = RetryConditions.GrpcInternal,
        ["resource-exhausted"] = RetryConditions.GrpcResourceExhausted,
        ["unavailable"] = RetryConditions.GrpcUnavailable,
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>The names that are known, for messages.</summary>
    public static ImmutableArray<string> Names { get; } = [.. s_names.Keys.Order(StringComparer.Ordinal)];

    /// <summary>Reads a list.</summary>
    /// <param name="text">Names and numbers with commas between them, such as <c>connect-failure,503</c>.</param>
    /// <param name="conditions">What was named; a number asks for status codes too.</param>
    /// <param name="codes">The numbers.</param>
    /// <param name="unknown">The first item that is neither a known name nor a status code; null when all are.</param>
    public static bool TryRead(
        string text, out RetryConditions conditions, out ImmutableArray<int> codes, [NotNullWhen(false)] out string? unknown)
    {
        ArgumentNullException.ThrowIfNull(text);
        conditions = RetryConditions.None;
        ImmutableArray<int>.Builder numbers = ImmutableArray.CreateBuilder<int>();
        unknown = null;
        foreach (string item in text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            if (s_names.TryGetValue(item, out RetryConditions named))
            {
                conditions |= named;
            }
            else if (int.TryParse(item, NumberStyles.None, CultureInfo.InvariantCulture, out int code) && code is >= 100 and <= 599)
            {
                conditions |= RetryConditions.StatusCodes;
                numbers.Add(code);
            }
            else
            {
                unknown ??= item;
            }
        }

        codes = numbers.ToImmutable();
        return unknown is null;
    }
}
