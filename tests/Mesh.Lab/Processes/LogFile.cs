namespace Mesh.Lab.Processes;

internal static class LogFile
{
    /// <summary>The last lines of a log, indented, to be quoted in a message.</summary>
    public static string Tail(string path, int lineCount)
    {
        return File.Exists(path)
            ? string.Join(Environment.NewLine, ReadLines(path).TakeLast(lineCount).Select(line => "    " + line))
            : "    (no log was written)";
    }

    /// <summary>The lines of a log that may be written meanwhile.</summary>
    public static IEnumerable<string> ReadLines(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        using var reader = new StreamReader(file);
        while (reader.ReadLine() is { } line)
        {
            yield return line;
        }
    }
}
