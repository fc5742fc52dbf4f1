using System.Diagnostics;
using System.Security.Cryptography;
using Mesh.Fuzz.Targets;

namespace Mesh.Fuzz;

/// <summary>
/// Fuzzes one parser of the proxy. Ends with 0 when nothing was found, 1 when something was, 2 when the command line is wrong.
/// </summary>
internal static class Program
{
    private static readonly IFuzzTarget[] s_targets =
    [
        new Http2FramesTarget(),
        new HpackTarget(),
        new Http1RequestTarget(),
        new Http1ResponseTarget(),
        new ChunkedTarget(),
        new HboneAuthorityTarget(),
        new BaggageTarget(),
        new ForwardedTarget(),
        new TraceParentTarget(),
        new PathTarget(),
        new HandoverTarget(),
        new ClientHelloTarget(),
        new DnsTarget(),
    ];

    public static int Main(string[] arguments)
    {
        if (arguments is ["list"])
        {
            foreach (IFuzzTarget next in s_targets)
            {
                Console.WriteLine(next.Name);
            }

            return 0;
        }

        (FuzzCommand? command, string problem) = FuzzCommand.Parse(arguments);
        IFuzzTarget? target = Array.Find(s_targets, next => next.Name == command?.Target);
        if (command is null || target is null)
        {
            Console.Error.WriteLine(command is null ? problem : $"There is no target {command.Target}.");
            Console.Error.WriteLine(FuzzCommand.Usage);
            return 2;
        }

        return command.IsInstrumented ? Run(target, command) : Instrumentation.RunCopy(target, command);
    }

    private static int Run(IFuzzTarget target, FuzzCommand command)
    {
        string folder = command.CorpusOf(target);
        byte[][] corpus = ReadCorpus(folder);
        var runner = new FuzzRunner(target, command.Seed, CoverageMap.Attach(), Console.Error);
        long start = Stopwatch.GetTimestamp();
        byte[]? failing = runner.Run(corpus, TimeSpan.FromSeconds(command.Seconds));
        TimeSpan took = Stopwatch.GetElapsedTime(start);
        if (command.Keep)
        {
            Directory.CreateDirectory(folder);
            foreach (byte[] input in runner.ChooseCorpus())
            {
                File.WriteAllBytes(Path.Combine(folder, NameOf(input)), input);
            }
        }

        Console.WriteLine(
            $"{target.Name}: {runner.Inputs} inputs in {took.TotalSeconds:F0} s, {corpus.Length} of them corpus, {runner.Features} features, seed {command.Seed}.");
        Console.WriteLine($"Outcomes: {string.Join(", ", runner.Outcomes)}.");
        if (failing is null)
        {
            return 0;
        }

        string path = Path.Combine(Path.GetTempPath(), $"{target.Name}-{NameOf(failing)}");
        File.WriteAllBytes(path, failing);
        Console.WriteLine($"FAILED. Repeat with: Mesh.Fuzz {target.Name} --seconds 0 --corpus {path}");
        return 1;
    }

    private static byte[][] ReadCorpus(string path)
    {
        if (File.Exists(path))
        {
            return [File.ReadAllBytes(path)];
        }

        return Directory.Exists(path) ? [.. Directory.GetFiles(path).Order(StringComparer.Ordinal).Select(File.ReadAllBytes)] : [];
    }

    private static string NameOf(byte[] input) => Convert.ToHexStringLower(SHA256.HashData(input))[..16];
}
