using System.Linq.Expressions;
using System.Reflection;
using BenchmarkDotNet.Attributes;

namespace Mesh.Bench.Micro;

/// <summary>Measures what benchmarks allocate, in this process and in seconds. Times are BenchmarkDotNet's business.</summary>
/// <remarks>
/// A benchmark runs in rounds, and the round that allocated least counts: what an operation allocates is in every round, while what the
/// runtime, a timer or a table that grows allocates beside it is not. So the figure is the same on a busy machine, and zero means zero.
/// </remarks>
public static class AllocationMeter
{
    private const int Rounds = 12;

    /// <summary>Invocations at least before the first round, so that the code that stays is measured: tiering begins at 30.</summary>
    private const int WarmUpInvocations = 40;

    private static readonly TimeSpan s_warmUp = TimeSpan.FromMilliseconds(150);

    // An invocation so long that fewer of them fill it makes thousands of operations, and has warmed up whatever it calls.
    private static readonly TimeSpan s_warmUpMax = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_round = TimeSpan.FromMilliseconds(10);

    /// <summary>Measures every benchmark among the types, with each combination of its parameters.</summary>
    /// <param name="types">Types with methods marked <see cref="BenchmarkAttribute"/>; others are skipped.</param>
    /// <param name="isWanted">Told the name as in <see cref="AllocationResult.Name"/>.</param>
    /// <param name="log">Told why a benchmark did not run to its end.</param>
    public static IEnumerable<AllocationResult> Measure(IEnumerable<Type> types, Predicate<string> isWanted, TextWriter log)
    {
        foreach (Type type in types.OrderBy(type => type.FullName, StringComparer.Ordinal))
        {
            foreach (MethodInfo method in type.GetMethods().Where(method => method.IsDefined(typeof(BenchmarkAttribute))))
            {
                string name = $"{NameOf(type)}.{method.Name}";
                if (isWanted(name))
                {
                    foreach (AllocationResult result in MeasureAll(type, method, name, log))
                    {
                        yield return result;
                    }
                }
            }
        }
    }

    private static string NameOf(Type type) => type.FullName!.Replace(typeof(AllocationMeter).Namespace + ".", "", StringComparison.Ordinal);

    private static IEnumerable<AllocationResult> MeasureAll(Type type, MethodInfo method, string name, TextWriter log)
    {
        (PropertyInfo Property, object?[] Values)[] parameters =
        [
            .. type.GetProperties().Where(property => property.IsDefined(typeof(ParamsAttribute)))
                .Select(property => (property, property.GetCustomAttribute<ParamsAttribute>()!.Values)),
        ];
        foreach (object?[] values in Combinations([.. parameters.Select(parameter => parameter.Values)]))
        {
            string text = string.Join(", ", parameters.Zip(values, (parameter, value) => $"{parameter.Property.Name}={value}"));
            object instance = Activator.CreateInstance(type)!;
            foreach (((PropertyInfo property, _), object? value) in parameters.Zip(values))
            {
                property.SetValue(instance, value);
            }

            yield return new AllocationResult(name, text.Length == 0 ? "" : $"[{text}]", TryMeasure(instance, method, $"{name} {text}", log));
        }
    }

    /// <summary>Every way to take one of each; one empty way when there is nothing to take.</summary>
    private static IEnumerable<object?[]> Combinations(object?[][] choices) => choices.Aggregate(
        (IEnumerable<object?[]>)[[]],
        (chosen, values) => chosen.SelectMany(head => values.Select(value => (object?[])[.. head, value])));

    private static long? TryMeasure(object instance, MethodInfo method, string title, TextWriter log)
    {
        try
        {
            Marked<GlobalSetupAttribute>(instance, method)?.Invoke();
            long allocatedBytes = MeasureOne(instance, method);
            Marked<GlobalCleanupAttribute>(instance, method)?.Invoke();
            return allocatedBytes;
        }
#pragma warning disable CA1031 // Whatever a benchmark throws, the others are still measured, and the verdict is a failure.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            log.WriteLine($"{title}: {fault}");
            return null;
        }
    }

    private static long MeasureOne(object instance, MethodInfo method)
    {
        Action run = CallOf(instance, method);
        Action? renew = Marked<IterationSetupAttribute>(instance, method);

        // What renews its input before each iteration has input for one invocation.
        int invocations = WarmUp(run, renew);
        int operations = invocations * method.GetCustomAttribute<BenchmarkAttribute>()!.OperationsPerInvoke;
        long leastBytes = long.MaxValue;
        for (int round = 0; round < Rounds && leastBytes > 0; round++)
        {
            renew?.Invoke();
            long before = GC.GetTotalAllocatedBytes(precise: true);
            for (int invocation = 0; invocation < invocations; invocation++)
            {
                run();
            }

            leastBytes = Math.Min(leastBytes, GC.GetTotalAllocatedBytes(precise: true) - before);
        }

        return (leastBytes + operations - 1) / operations;
    }

    /// <returns>How many invocations make a round.</returns>
    private static int WarmUp(Action run, Action? renew)
    {
        long start = TimeProvider.System.GetTimestamp();
        int count = 0;
        while (TimeProvider.System.GetElapsedTime(start) < (count < WarmUpInvocations ? s_warmUpMax : s_warmUp))
        {
            renew?.Invoke();
            run();
            count++;
        }

        TimeSpan each = TimeProvider.System.GetElapsedTime(start) / count;
        return renew is null ? (int)Math.Clamp(s_round / each, 1, 1_000_000) : 1;
    }

    /// <summary>The method so marked, for every benchmark of its class or for this one.</summary>
    private static Action? Marked<TAttribute>(object instance, MethodInfo benchmark)
        where TAttribute : TargetedAttribute =>
        Array.Find(instance.GetType().GetMethods(), method => IsFor(method.GetCustomAttribute<TAttribute>(), benchmark)) is MethodInfo marked
            ? CallOf(instance, marked)
            : null;

    private static bool IsFor(TargetedAttribute? mark, MethodInfo benchmark) =>
        mark is not null && (mark.Targets is null or [] || mark.Targets.Contains(benchmark.Name));

    /// <summary>Calls without reflection, which would allocate for every call, and drops what is returned.</summary>
    private static Action CallOf(object instance, MethodInfo method) =>
        Expression.Lambda<Action>(Expression.Call(Expression.Constant(instance), method)).Compile();
}
