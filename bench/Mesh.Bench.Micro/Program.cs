using System.IO.Enumeration;
using System.Net;
using BenchmarkDotNet.Running;
using Mesh.Bench.Micro.Connections;

namespace Mesh.Bench.Micro;

/// <summary>
/// Runs micro-benchmarks. <c>--budgets FILE [--filter GLOB]</c> measures allocated bytes only (<see cref="AllocationMeter"/>), compares
/// them with the budgets and fails above them; <c>--serve-http PORT</c> answers a load generator on one loop until it is killed; any other
/// arguments are BenchmarkDotNet's own.
/// </summary>
public static class Program
{
    private const string BudgetsOption = "--budgets";
    private const string FilterOption = "--filter";
    private const string ServeOption = "--serve-http";

    public static int Main(string[] args)
    {
        ArgumentNullException.ThrowIfNull(args);
        if (args is [ServeOption, string port])
        {
            using var server = new SeamServer(new IPEndPoint(IPAddress.Loopback, int.Parse(port, null)), BenchProtocols.HelloAsync);
            Console.WriteLine($"Serving {server.Front}");
            Thread.CurrentThread.Join();
        }

        if (!args.Contains(BudgetsOption))
        {
            BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(args);
            return 0;
        }

        string? file = null;
        string? filter = null;
        for (int index = 0; index < args.Length; index += 2)
        {
            string? value = index + 1 < args.Length ? args[index + 1] : null;
            switch (args[index])
            {
                case BudgetsOption when value is not null:
                    file = value;
                    break;
                case FilterOption when value is not null:
                    filter = value;
                    break;
                default:
                    Console.Error.WriteLine($"Usage: {BudgetsOption} FILE [{FilterOption} GLOB]; '{args[index]}' does not fit.");
                    return 2;
            }
        }

        return CheckBudgets(file!, filter);
    }

    private static int CheckBudgets(string file, string? filter)
    {
        AllocationBudgets budgets;
        try
        {
            budgets = AllocationBudgets.Parse(File.ReadAllText(file));
        }
        catch (Exception fault) when (fault is FormatException or IOException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine($"{file}: {fault.Message}");
            return 2;
        }

        List<AllocationResult> results = [];
        foreach (AllocationResult result in AllocationMeter.Measure(
            typeof(Program).Assembly.GetTypes(), name => filter is null || FileSystemName.MatchesSimpleExpression(filter, name), Console.Error))
        {
            Console.WriteLine($"{result.AllocatedBytes?.ToString("N0", null) ?? "failed",12} B  {result.Name} {result.Parameters}");
            results.Add(result);
        }

        BudgetVerdict verdict = budgets.Judge(results, isFiltered: filter is not null);
        foreach (string warning in verdict.Warnings)
        {
            Console.WriteLine($"warning: {warning}");
        }

        foreach (string failure in verdict.Failures)
        {
            Console.Error.WriteLine($"over budget: {failure}");
        }

        Console.WriteLine($"{results.Count} benchmarks, {verdict.Failures.Count} failures, {verdict.Warnings.Count} warnings");
        return verdict.Failures.Count == 0 ? 0 : 1;
    }
}
