namespace Mesh.Lab.Processes;

internal static class LogFile
{
    /// <summary>The last lines of a log, indented, to be quoted in a message.</summary>
    public static string Tail(string path, int lineCount)
    {
        return File.Exists(path)
            ? string.Join(Environment.NewLine, File.ReadLines(path).TakeLast(lineCount).Select(line => "    " + line))
            : "    (no log was written)";
    }
}
