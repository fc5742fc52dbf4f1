namespace Mesh.Tidy.Rules;

/// <summary>What fits a screen is read.</summary>
internal static class Sizes
{
    public const int LineCharsMax = 140;
    public const int FileLinesMax = 500;

    /// <summary>Files that may be longer, each with its reason.</summary>
    private static readonly Dictionary<string, string> s_longFiles = new(StringComparer.Ordinal);

    public static IEnumerable<Finding> Check(SourceFile file)
    {
        for (int index = 0; index < file.Lines.Length; index++)
        {
            if (file.Lines[index].Length > LineCharsMax)
            {
                yield return file.At(index + 1, $"{file.Lines[index].Length} characters; the limit is {LineCharsMax}.");
            }
        }

        // A final newline makes an empty last element.
        int lines = file.Lines[^1].Length == 0 ? file.Lines.Length - 1 : file.Lines.Length;
        if (lines > FileLinesMax && !s_longFiles.ContainsKey(file.Path))
        {
            yield return file.At(0, $"{lines} lines; the limit is {FileLinesMax}. Split it by concern.");
        }
    }

    /// <summary>Exceptions that nothing needs any more.</summary>
    public static IEnumerable<Finding> CheckExceptions(IReadOnlyCollection<SourceFile> files) =>
        s_longFiles.Keys
            .Where(path => files.FirstOrDefault(file => file.Path == path) is not SourceFile file || file.Lines.Length - 1 <= FileLinesMax)
            .Select(path => new Finding(path, 0, "is listed as too long and is not, or is gone: remove it from the list."));
}
