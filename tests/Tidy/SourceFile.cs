using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Mesh.Tidy;

/// <summary>A text file of the repository, or a sample that stands for one.</summary>
/// <param name="path">Relative to the repository, with forward slashes.</param>
/// <param name="text">Its content.</param>
internal sealed class SourceFile(string path, string text)
{
    private static readonly CSharpParseOptions s_options =
        new(LanguageVersion.Preview, preprocessorSymbols: ["DEBUG", "TRACE", "NET"]);

    private readonly Lazy<SyntaxNode> _syntax = new(() => CSharpSyntaxTree.ParseText(text, s_options).GetRoot());

    public string Path { get; } = path;

    public string Text { get; } = text;

    public string[] Lines { get; } = text.Split('\n');

    /// <summary>The file as C#.</summary>
    public SyntaxNode Syntax => _syntax.Value;

    public bool IsUnder(params ReadOnlySpan<string> folders)
    {
        foreach (string folder in folders)
        {
            if (Path.StartsWith(folder + "/", StringComparison.Ordinal))
            {
                return true;
            }
        }

        return false;
    }

    public Finding At(int line, string message) => new(Path, line, message);

    public Finding At(SyntaxToken token, string message) => At(token.GetLocation().GetLineSpan().StartLinePosition.Line + 1, message);

    public Finding At(SyntaxTrivia trivia, string message) => At(trivia.GetLocation().GetLineSpan().StartLinePosition.Line + 1, message);
}
