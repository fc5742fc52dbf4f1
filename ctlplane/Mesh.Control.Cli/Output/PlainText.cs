namespace Mesh.Control.Cli.Output;

/// <summary>Text of others on its way to a terminal: what they wrote is shown, and moves no cursor and changes no colour.</summary>
internal static class PlainText
{
    /// <summary>In place of a control character.</summary>
    private const char Mark = '\uFFFD';

    /// <summary>On one line.</summary>
    public static string Line(string text) => Replace(text, static character => char.IsControl(character));

    /// <summary>With its lines.</summary>
    public static string Lines(string text) => Replace(text, static character => char.IsControl(character) && character != '\n');

    private static string Replace(string text, Func<char, bool> isUnwanted) => text.Any(isUnwanted)
        ? string.Concat(text.Select(character => isUnwanted(character) ? Mark : character))
        : text;
}
