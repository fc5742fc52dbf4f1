using Mesh.Bench.Micro;
using Xunit;

namespace Mesh.Bench.Tests;

public sealed class AllocationBudgetsTests
{
    private const string Budgets = """
        {
          "Http2.FrameBench.Read": { "allocatedBytesMax": 0 },
          "Hbone.OpenBench.Open": { "allocatedBytesMax": 640, "warnOnly": true }
        }
        """;

    private static readonly AllocationResult s_read = new("Http2.FrameBench.Read", "", 0);
    private static readonly AllocationResult s_open = new("Hbone.OpenBench.Open", "", 640);

    [Fact]
    public void Results_within_their_budgets_pass()
    {
        BudgetVerdict verdict = Judge(new AllocationResult("Http2.FrameBench.Read", "[Bytes=64]", 0), s_open);
        Assert.Empty(verdict.Failures);
        Assert.Empty(verdict.Warnings);
    }

    [Fact]
    public void One_byte_above_fails_and_names_the_parameters()
    {
        BudgetVerdict verdict = Judge(
            new AllocationResult("Http2.FrameBench.Read", "[Bytes=64]", 0),
            new AllocationResult("Http2.FrameBench.Read", "[Bytes=1024]", 1),
            s_open);
        string failure = Assert.Single(verdict.Failures);
        Assert.Contains("[Bytes=1024]: 1 bytes per operation, and the budget is 0", failure, StringComparison.Ordinal);
    }

    [Fact]
    public void Above_a_budget_that_only_warns_is_said_and_does_not_fail()
    {
        BudgetVerdict verdict = Judge(s_read, s_open with { AllocatedBytes = 641 });
        Assert.Empty(verdict.Failures);
        Assert.Single(verdict.Warnings);
    }

    [Fact]
    public void A_benchmark_without_a_budget_fails()
    {
        BudgetVerdict verdict = Judge(s_read, s_open, new AllocationResult("New.Bench.Run", "", 0));
        Assert.Contains("has no budget", Assert.Single(verdict.Failures), StringComparison.Ordinal);
    }

    [Fact]
    public void A_benchmark_that_did_not_finish_fails_even_where_the_budget_only_warns()
    {
        BudgetVerdict verdict = Judge(s_read, s_open with { AllocatedBytes = null });
        Assert.Contains("did not run", Assert.Single(verdict.Failures), StringComparison.Ordinal);
    }

    [Fact]
    public void A_budget_whose_benchmark_is_gone_fails_unless_only_a_part_was_run()
    {
        Assert.Contains("no such benchmark", Assert.Single(Judge(s_open).Failures), StringComparison.Ordinal);
        Assert.Empty(AllocationBudgets.Parse(Budgets).Judge([s_open], isFiltered: true).Failures);
    }

    [Theory]
    [InlineData("""{ "A.B": { "allocatedBytes": 0 } }""", "allocatedBytes")]
    [InlineData("""{ "A.B": { } }""", "A.B")]
    [InlineData("""{ "A.B": { "allocatedBytesMax": -1 } }""", "A.B")]
    [InlineData("""{ "A.B": { "allocatedBytesMax": "0" } }""", "expected JSON")]
    [InlineData("""{ "A.B": { "allocatedBytesMax": 0 }, "A.B": { "allocatedBytesMax": 1 } }""", "two budgets")]
    [InlineData("""[]""", "expected JSON")]
    [InlineData("""{""", "expected JSON")]
    public void Budgets_that_are_not_of_the_form_are_refused_by_name(string json, string named) =>
        Assert.Contains(named, Assert.Throws<FormatException>(() => AllocationBudgets.Parse(json)).Message, StringComparison.Ordinal);

    private static BudgetVerdict Judge(params AllocationResult[] results) =>
        AllocationBudgets.Parse(Budgets).Judge(results, isFiltered: false);
}
