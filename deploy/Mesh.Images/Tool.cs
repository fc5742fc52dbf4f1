using System.ComponentModel;
using System.Diagnostics;

namespace Mesh.Images;

/// <summary>Runs programs of the machine.</summary>
internal static class Tool
{
    /// <summary>Runs it to its end.</summary>
    /// <returns>What it printed.</returns>
    /// <exception cref="ImageException">It is not installed, or failed; with what it said.</exception>
    public static string Run(string program, params IEnumerable<string> arguments) =>
        Run(program, stream => new StreamReader(stream).ReadToEnd(), arguments);

    /// <summary>Runs it to its end, while <paramref name="read"/> reads what it prints, all of it.</summary>
    /// <exception cref="ImageException">It is not installed, or failed; with what it said.</exception>
    public static T Run<T>(string program, Func<Stream, T> read, params IEnumerable<string> arguments)
    {
        ProcessStartInfo start = new(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["LC_ALL"] = "C";
        using Process process = Start(start);
        process.StandardInput.Close();
        List<string> errors = [];
        process.ErrorDataReceived += (_, line) =>
        {
            lock (errors)
            {
                errors.Add(line.Data ?? "");
            }
        };
        process.BeginErrorReadLine();
        T result = read(process.StandardOutput.BaseStream);
        process.WaitForExit();
        if (process.ExitCode != 0)
        {
            string said = string.Join('\n', errors.Where(line => line.Length > 0).TakeLast(20));
            throw new ImageException($"{program} {string.Join(' ', start.ArgumentList)} ended with status {process.ExitCode}:\n{said}");
        }

        return result;
    }

    private static Process Start(ProcessStartInfo start)
    {
        try
        {
            return Process.Start(start) ?? throw new ImageException($"{start.FileName} could not be started.");
        }
        catch (Win32Exception missing)
        {
            throw new ImageException(
                $"{start.FileName} could not be started ({missing.Message}). Images are made of Debian's packages by its apt and dpkg-deb.",
                missing);
        }
    }
}
