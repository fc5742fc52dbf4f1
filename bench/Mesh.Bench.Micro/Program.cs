using System.Net;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Exporters.Json;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Validators;
using Mesh.Bench.Micro.Connections;

namespace Mesh.Bench.Micro;

/// <summary>
/// Runs micro-benchmarks. <c>--budgets FILE [--filter GLOB]</c> compares allocated bytes with the budgets and fails above them;
/// <c>--serve-http PORT</c> answers a load generator on one loop until it is killed; any other arguments are BenchmarkDotNet's own.
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

        StableAllocationConfig.IsBudgetCheck = true;
        List<AllocationResult> results = Run(filter ?? "*");
        foreach (AllocationResult result in results)
        {
            Console.WriteLine($"{result.AllocatedBytes?.ToString("N0", null) ?? "failed",12} B  {result.Name} {result.Parameters}");
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

    private static List<AllocationResult> Run(string filter)
    {
        // Validation errors (a Debug build measures nothing) must be seen; the rest of the log is noise here.
        ManualConfig config = ManualConfig.CreateEmpty()
            .AddLogger(new ErrorLogger())
            .AddExporter(JsonExporter.Brief)
            .AddValidator(JitOptimizationsValidator.FailOnError)
            .AddColumnProvider([.. DefaultConfig.Instance.GetColumnProviders()])
            .WithArtifactsPath(Path.Combine(Path.GetTempPath(), "mesh-bench"));
        string prefix = typeof(Program).Namespace + ".";

        List<AllocationResult> results = [];
        foreach (Summary summary in BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run([FilterOption, filter], config))
        {
            foreach (BenchmarkCase benchmark in summary.BenchmarksCases)
            {
                string type = benchmark.Descriptor.Type.FullName!.Replace(prefix, "", StringComparison.Ordinal);
                BenchmarkReport? report = summary[benchmark];
                results.Add(new AllocationResult(
                    $"{type}.{benchmark.Descriptor.WorkloadMethod.Name}",
                    benchmark.Parameters.DisplayInfo,
                    report is { Success: true } ? report.GcStats.GetBytesAllocatedPerOperation(benchmark) : null));
            }
        }

        return results;
    }

    /// <summary>Passes on what BenchmarkDotNet calls an error.</summary>
    private sealed class ErrorLogger : ILogger
    {
        public string Id => nameof(ErrorLogger);

        public int Priority => 0;

        public void Write(LogKind logKind, string text)
        {
            if (logKind == LogKind.Error)
            {
                Console.Error.Write(text);
            }
        }

        public void WriteLine()
        {
        }

        public void WriteLine(LogKind logKind, string text)
        {
            if (logKind == LogKind.Error)
            {
                Console.Error.WriteLine(text);
            }
        }

        public void Flush() => Console.Error.Flush();
    }
}
