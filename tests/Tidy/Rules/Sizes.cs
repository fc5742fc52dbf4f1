namespace Mesh.Tidy.Rules;

/// <summary>What fits a screen is read.</summary>
internal static class Sizes
{
    public const int LineCharsMax = 140;

    /// <summary>Tests and benchmarks have tables of samples, where a row is read better than its pieces.</summary>
    public const int SampleLineCharsMax = 200;

    public const int FileLinesMax = 500;

    public static IEnumerable<Finding> Check(SourceFile file)
    {
        int lineCharsMax = file.IsUnder("tests", "bench") ? SampleLineCharsMax : LineCharsMax;
        for (int index = 0; index < file.Lines.Length; index++)
        {
            if (file.Lines[index].Length > lineCharsMax)
            {
                yield return file.At(index + 1, $"{file.Lines[index].Length} characters; the limit is {lineCharsMax}.");
            }
        }

        // A final newline makes an empty last element.
        int lines = file.Lines[^1].Length == 0 ? file.Lines.Length - 1 : file.Lines.Length;
        if (lines > FileLinesMax)
        {
            yield return file.At(0, $"{lines} lines; the limit is {FileLinesMax}. Split it by concern.");
        }
    }
}
