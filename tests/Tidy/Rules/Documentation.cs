using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Mesh.Tidy.Rules;

/// <summary>Documentation that names what is gone lies. What stands in backticks is looked for.</summary>
internal static partial class Documentation
{
    /// <summary>Names in our documentation that belong to others: Kubernetes and istio kinds, the framework, other programs.</summary>
    private static readonly HashSet<string> s_foreignNames =
    [
        "AuthorizationPolicy", "BenchmarkDotNet", "BlackHoleCluster", "BouncyCastle", "ConfigMap", "DaemonSet", "GitHub", "IPEndPoint",
        "MeshConfig", "NativeAOT", "NetworkPolicy", "OpenMetrics", "OpenSSL", "OpenTelemetry", "PassthroughCluster", "PeerAuthentication",
        "ServiceAccount", "ServiceEntry", "SslStream", "SystemTextJson", "TokenReview", "WorkloadEntry",
    ];

    private static readonly string[] s_topFolders = ["nodeproxy", "ctlplane", "native-interop", "bench", "tests", "deploy"];

    /// <summary>Every type, member and path in backticks exists.</summary>
    /// <param name="document">A Markdown file.</param>
    /// <param name="names">All names declared in the repository: types, members of enums, namespaces, projects.</param>
    /// <param name="paths">All files of the repository.</param>
    public static IEnumerable<Finding> CheckNames(SourceFile document, IReadOnlySet<string> names, IReadOnlyCollection<string> paths)
    {
        foreach ((int line, string text) in SpansOf(document))
        {
            if (PathName().IsMatch(text) && s_topFolders.Contains(text.Split('/')[0]))
            {
                string path = text.TrimEnd('/');
                if (!paths.Contains(path) && !paths.Any(candidate => candidate.StartsWith(path + "/", StringComparison.Ordinal)))
                {
                    yield return document.At(line, $"`{text}` does not exist.");
                }
            }
            else if (TypeName().IsMatch(text))
            {
                // `Type.Member` and `Generic<T>` are looked for by the type; a dotted name may be a namespace or a project.
                string first = text.Split('<', '.', '(')[0];
                if (!names.Contains(text) && !names.Contains(first) && !s_foreignNames.Contains(first))
                {
                    yield return document.At(line, $"`{text}` names no type of the repository.");
                }
            }
        }
    }

    /// <summary>Every port in the document is a number, or stands in a text, somewhere in the code of the product.</summary>
    public static IEnumerable<Finding> CheckPorts(SourceFile document, IEnumerable<SourceFile> product)
    {
        HashSet<int> declared = [];
        foreach (SourceFile file in product)
        {
            foreach (SyntaxToken token in file.Syntax.DescendantTokens())
            {
                if (token.Value is int number)
                {
                    declared.Add(number);
                }
                else if (token.Value is string text)
                {
                    declared.UnionWith(MeshPort().Matches(text).Select(match => PortOf(match)));
                }
            }
        }

        for (int index = 0; index < document.Lines.Length; index++)
        {
            foreach (Match match in MeshPort().Matches(document.Lines[index]))
            {
                if (!declared.Contains(PortOf(match)))
                {
                    yield return document.At(index + 1, $"Port {match.Value} is in no option of the product.");
                }
            }
        }
    }

    /// <summary>The table under the heading "Layers" says what <see cref="Layers.Allowed"/> says.</summary>
    public static IEnumerable<Finding> CheckLayers(SourceFile document)
    {
        Dictionary<string, string[]> shown = new(StringComparer.Ordinal);
        bool isInLayers = false;
        foreach (string line in document.Lines)
        {
            if (line.StartsWith('#'))
            {
                isInLayers = line.TrimStart('#').Trim() == "Layers";
            }
            else if (isInLayers && line.StartsWith('|'))
            {
                string[] cells = line.Split('|');
                if (CodeSpan().Match(cells[1]) is { Success: true } project)
                {
                    shown[project.Groups[1].Value] = [.. CodeSpan().Matches(cells[2]).Select(match => match.Groups[1].Value)];
                }
            }
        }

        foreach ((string project, string[] allowed) in Layers.Allowed)
        {
            if (!shown.Remove(project, out string[]? references) || !references.Order().SequenceEqual(allowed.Order()))
            {
                yield return document.At(0, $"The table of layers must say that {project} may reference {string.Join(", ", allowed)}.");
            }
        }

        foreach (string project in shown.Keys)
        {
            yield return document.At(0, $"The table of layers has {project}, and tests/Tidy/Rules/Layers.cs has not.");
        }
    }

    /// <summary>Everything a document may name.</summary>
    public static HashSet<string> NamesIn(IEnumerable<SourceFile> code, IEnumerable<SourceFile> protos)
    {
        HashSet<string> names = new(StringComparer.Ordinal);
        foreach (SyntaxNode node in code.SelectMany(file => file.Syntax.DescendantNodes()))
        {
            switch (node)
            {
                case BaseTypeDeclarationSyntax type:
                    names.Add(type.Identifier.ValueText);

                    // An attribute is known by the name it is used with.
                    names.Add(AttributeSuffix().Replace(type.Identifier.ValueText, ""));
                    break;
                case DelegateDeclarationSyntax type:
                    names.Add(type.Identifier.ValueText);
                    break;
                case EnumMemberDeclarationSyntax member:
                    names.Add(member.Identifier.ValueText);
                    break;
                case BaseNamespaceDeclarationSyntax { Name: NameSyntax name }:
                    names.Add(name.ToString());
                    break;
            }
        }

        foreach (SourceFile proto in protos)
        {
            names.UnionWith(ProtoType().Matches(proto.Text).Select(match => match.Groups[1].Value));
        }

        names.UnionWith(Layers.Allowed.Keys);
        return names;
    }

    private static int PortOf(Match match) => int.Parse(match.ValueSpan, CultureInfo.InvariantCulture);

    private static IEnumerable<(int Line, string Text)> SpansOf(SourceFile document)
    {
        bool isFenced = false;
        for (int index = 0; index < document.Lines.Length; index++)
        {
            string line = document.Lines[index];
            if (line.TrimStart().StartsWith("```", StringComparison.Ordinal))
            {
                isFenced = !isFenced;
            }
            else if (!isFenced)
            {
                foreach (Match match in CodeSpan().Matches(line))
                {
                    yield return (index + 1, match.Groups[1].Value);
                }
            }
        }
    }

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex CodeSpan();

    /// <summary>PascalCase of at least two humps, so that plain words, constants and commands are left alone.</summary>
    [GeneratedRegex(@"^[A-Z][a-z0-9]*(\.?[A-Z][A-Za-z0-9]*)+(<[A-Za-z, ]+>)?(\(\))?$(?<=[a-z].*)")]
    private static partial Regex TypeName();

    [GeneratedRegex(@"^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*/?$(?<=/.*)")]
    private static partial Regex PathName();

    [GeneratedRegex("Attribute$")]
    private static partial Regex AttributeSuffix();

    [GeneratedRegex(@"\b150\d\d\b")]
    private static partial Regex MeshPort();

    [GeneratedRegex(@"^\s*(?:message|enum|service)\s+(\w+)", RegexOptions.Multiline)]
    private static partial Regex ProtoType();
}
