using System.Collections.Immutable;
using System.Globalization;
using Mesh.Control.Dialects.Traffic;
using Mesh.Control.Model.Inputs;
using Mesh.Control.Model.Traffic;

namespace Mesh.Control.Dialects.Istio;

/// <summary>Reads HTTPRetry.</summary>
internal static class RetryReader
{
    private const int AttemptsMax = 100;

    private static readonly string[] s_fields =
        ["attempts", "backoff", "perTryTimeout", "retryIgnorePreviousHosts", "retryOn", "retryRemoteLocalities"];

    /// <summary>Known to Envoy, and asking for what is not done here.</summary>
    private static readonly string[] s_unsupported = ["http3-post-connect-failure", "retriable-headers"];

    public static RetryPolicy Read(FieldReader rule) =>
        rule.Section("retries") is { } retries ? ReadSection(retries) : RetryPolicy.Default;

    /// <summary>Reads one, wherever it stands.</summary>
    public static RetryPolicy ReadSection(FieldReader retries)
    {
        retries.RefuseUnknown("retries", s_fields);
        if (retries.Has("retryRemoteLocalities"))
        {
            retries.Warning("retryRemoteLocalities", "Retries go where first attempts do; the field has no effect.");
        }

        if (!retries.Has("attempts"))
        {
            retries.Warning("attempts", "Without attempts nothing is retried.");
        }

        (ImmutableArray<RetryCondition> conditions, ImmutableArray<int> codes) = ReadConditions(retries);
        return new RetryPolicy(retries.Integer("attempts", 0, AttemptsMax) ?? 0, conditions)
        {
            StatusCodes = codes,
            AttemptTimeout = retries.Duration("perTryTimeout"),
            BackoffBase = retries.Duration("backoff"),
            RevisitsTried = retries.Flag("retryIgnorePreviousHosts") == false,
        };
    }

    private static (ImmutableArray<RetryCondition> Conditions, ImmutableArray<int> Codes) ReadConditions(FieldReader retries)
    {
        if (retries.Text("retryOn") is not { Length: > 0 } text)
        {
            return (RetryPolicy.DefaultConditions, []);
        }

        var conditions = new SortedSet<RetryCondition>();
        ImmutableArray<int>.Builder codes = ImmutableArray.CreateBuilder<int>();
        foreach (string item in text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            if (RetryPolicy.Named(item) is { } condition)
            {
                conditions.Add(condition);
            }
            else if (int.TryParse(item, NumberStyles.None, CultureInfo.InvariantCulture, out int code) && code is >= 100 and <= 599)
            {
                conditions.Add(RetryCondition.StatusCodes);
                codes.Add(code);
            }
            else if (s_unsupported.Contains(item, StringComparer.Ordinal))
            {
                retries.Warning("retryOn", $"{item} is not supported and not retried on.");
            }
            else
            {
                retries.Error(
                    "retryOn", $"'{item}' is not a condition.", $"Known are {string.Join(", ", RetryPolicy.Names)} and status codes.");
            }
        }

        return ([.. conditions], codes.ToImmutable());
    }
}
