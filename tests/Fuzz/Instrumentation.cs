using System.Diagnostics;
using SharpFuzz;

namespace Mesh.Fuzz;

/// <summary>Runs this program again from a copy in which the code under test counts the edges it takes (SharpFuzz).</summary>
internal static class Instrumentation
{
    /// <summary>Tells the copy that it is one. Not for people.</summary>
    public const string Option = "--instrumented";

    /// <returns>What the copy ended with.</returns>
    public static int RunCopy(IFuzzTarget target, FuzzCommand command)
    {
        string folder = Directory.CreateTempSubdirectory("mesh-fuzz-").FullName;
        try
        {
            foreach (string file in Directory.GetFiles(AppContext.BaseDirectory))
            {
                File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
            }

            foreach (string assembly in target.Assemblies)
            {
                // Each call ends with the list of types, which instruments as it is read.
                _ = Fuzzer.Instrument(Path.Combine(folder, assembly + ".dll"), static _ => true, Options.Value).Count();
            }

            using var copy = Process.Start(
                Path.Combine(folder, Path.GetFileName(Environment.ProcessPath!)),
                [
                    command.Target, "--seconds", $"{command.Seconds}", "--seed", $"{command.Seed}", "--corpus", command.CorpusOf(target),
                    .. command.Keep ? ["--keep"] : Array.Empty<string>(), Option,
                ]);
            copy.WaitForExit();
            return copy.ExitCode;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
