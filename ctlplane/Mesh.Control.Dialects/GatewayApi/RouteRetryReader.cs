using System.Collections.Immutable;
using System.Globalization;
using Mesh.Control.Dialects.Traffic;
using Mesh.Control.Model.Inputs;
using Mesh.Control.Model.Traffic;

namespace Mesh.Control.Dialects.GatewayApi;

/// <summary>Reads HTTPRouteRetry.</summary>
internal static class RouteRetryReader
{
    private const int AttemptsMax = 100;
    private const int CodeMin = 400;
    private const int CodeMax = 599;

    private static readonly string[] s_fields = ["attempts", "backoff", "codes"];

    /// <summary>
    /// Besides the codes, what never reached a backend is retried: that cannot do anything twice.
    /// </summary>
    private static readonly ImmutableArray<RetryCondition> s_conditions =
        [RetryCondition.ConnectFailure, RetryCondition.RefusedStream, RetryCondition.StatusCodes];

    /// <returns>The default of the mesh where nothing is said.</returns>
    public static RetryPolicy Read(FieldReader rule)
    {
        if (rule.Section("retry") is not { } retry)
        {
            return RetryPolicy.Default;
        }

        retry.RefuseUnknown("retry", s_fields);
        ImmutableArray<int>.Builder codes = ImmutableArray.CreateBuilder<int>();
        IReadOnlyList<RawNode> items = retry.Items("codes");
        for (int index = 0; index < items.Count; index++)
        {
            if (items[index] is RawScalar { Kind: ScalarKind.Integer } scalar
                && int.TryParse(scalar.Text, NumberStyles.None, CultureInfo.InvariantCulture, out int code)
                && code is >= CodeMin and <= CodeMax)
            {
                codes.Add(code);
            }
            else
            {
                retry.Diagnostics.Error(
                    $"{retry.PathOf("codes")}[{index}]", items[index].Position, $"Must be a status from {CodeMin} to {CodeMax}.");
            }
        }

        return new RetryPolicy(retry.Integer("attempts", 1, AttemptsMax) ?? RetryPolicy.Default.Retries, s_conditions)
        {
            StatusCodes = codes.ToImmutable(),
            BackoffBase = retry.Duration("backoff"),
        };
    }
}
