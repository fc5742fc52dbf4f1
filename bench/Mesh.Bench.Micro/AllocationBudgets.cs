using System.Text.Json;

namespace Mesh.Bench.Micro;

/// <summary>What one benchmark may allocate.</summary>
/// <param name="AllocatedBytesMax">Managed bytes per operation, 0 or more, the same for all of its parameters.</param>
/// <param name="IsWarnOnly">Above it is said but does not fail: for figures that depend on the machine.</param>
public sealed record AllocationBudget(long AllocatedBytesMax, bool IsWarnOnly);

/// <summary>What one benchmark allocated with one set of parameters.</summary>
/// <param name="Name">Namespace below this project, type and method, as in <c>Http2.FrameReaderBench.ReadAll</c>.</param>
/// <param name="Parameters">As BenchmarkDotNet prints them; empty when there are none.</param>
/// <param name="AllocatedBytes">Managed bytes per operation; null when the benchmark did not run to its end.</param>
public sealed record AllocationResult(string Name, string Parameters, long? AllocatedBytes);

/// <summary>The budgets of <c>bench/budgets/allocations.json</c> and their verdict over results.</summary>
public sealed class AllocationBudgets
{
    private readonly IReadOnlyDictionary<string, AllocationBudget> _budgets;

    private AllocationBudgets(IReadOnlyDictionary<string, AllocationBudget> budgets) => _budgets = budgets;

    /// <summary>Reads <c>{ "Name": { "allocatedBytesMax": 0, "warnOnly": false } }</c>. Strict: a misspelt key is an error.</summary>
    /// <exception cref="FormatException">The text is not of that form; the message names the benchmark and the key.</exception>
    public static AllocationBudgets Parse(string json)
    {
        SortedDictionary<string, AllocationBudget> budgets = new(StringComparer.Ordinal);
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            foreach (JsonProperty entry in document.RootElement.EnumerateObject())
            {
                if (!budgets.TryAdd(entry.Name, ParseBudget(entry)))
                {
                    throw new FormatException($"{entry.Name} has two budgets.");
                }
            }
        }
        catch (Exception fault) when (fault is JsonException or InvalidOperationException)
        {
            throw new FormatException($"The budgets are not the expected JSON: {fault.Message}", fault);
        }

        return new AllocationBudgets(budgets);
    }

    /// <summary>Compares. Every benchmark needs a budget and every budget a benchmark, or the list would rot.</summary>
    /// <param name="results">What ran.</param>
    /// <param name="isFiltered">Only a part was run on purpose: budgets without a result are then no failure.</param>
    public BudgetVerdict Judge(IReadOnlyCollection<AllocationResult> results, bool isFiltered)
    {
        List<string> failures = [];
        List<string> warnings = [];
        foreach (AllocationResult result in results)
        {
            string title = result.Parameters.Length == 0 ? result.Name : $"{result.Name} {result.Parameters}";
            if (!_budgets.TryGetValue(result.Name, out AllocationBudget? budget))
            {
                failures.Add($"{title}: has no budget.");
            }
            else if (result.AllocatedBytes is not long allocatedBytes)
            {
                failures.Add($"{title}: did not run to its end.");
            }
            else if (allocatedBytes > budget.AllocatedBytesMax)
            {
                (budget.IsWarnOnly ? warnings : failures).Add(
                    $"{title}: {allocatedBytes} bytes per operation, and the budget is {budget.AllocatedBytesMax}.");
            }
        }

        if (!isFiltered)
        {
            HashSet<string> ran = [.. results.Select(result => result.Name)];
            failures.AddRange(_budgets.Keys.Where(name => !ran.Contains(name)).Select(name => $"{name}: no such benchmark."));
        }

        return new BudgetVerdict(failures, warnings);
    }

    private static AllocationBudget ParseBudget(JsonProperty entry)
    {
        long? allocatedBytesMax = null;
        bool isWarnOnly = false;
        foreach (JsonProperty property in entry.Value.EnumerateObject())
        {
            switch (property.Name)
            {
                case "allocatedBytesMax":
                    allocatedBytesMax = property.Value.GetInt64();
                    break;
                case "warnOnly":
                    isWarnOnly = property.Value.GetBoolean();
                    break;
                default:
                    throw new FormatException($"{entry.Name} has the unknown key '{property.Name}'.");
            }
        }

        return allocatedBytesMax is >= 0
            ? new AllocationBudget(allocatedBytesMax.Value, isWarnOnly)
            : throw new FormatException($"{entry.Name} needs allocatedBytesMax, 0 or more.");
    }
}

/// <summary>What a comparison found.</summary>
/// <param name="Failures">One sentence each; the check passes when there is none.</param>
/// <param name="Warnings">One sentence each.</param>
public sealed record BudgetVerdict(IReadOnlyList<string> Failures, IReadOnlyList<string> Warnings);
