using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Mesh.Tidy.Rules;

/// <summary>Names that may not appear in the code of some folders. Comments and strings may speak of them.</summary>
internal static class BannedNames
{
    private static readonly string[] s_loopFolders =
    [
        "nodeproxy/Mesh.Node.Transport", "nodeproxy/Mesh.Node.Protocols", "nodeproxy/Mesh.Node.Proxy/Enforcement",
        "nodeproxy/Mesh.Node.Proxy/Hbone", "nodeproxy/Mesh.Node.Proxy/Http", "nodeproxy/Mesh.Node.Proxy/Inbound", "nodeproxy/Mesh.Node.Proxy/Loops",
        "nodeproxy/Mesh.Node.Proxy/Outbound", "nodeproxy/Mesh.Node.Proxy/Pods", "nodeproxy/Mesh.Node.Proxy/Upstream",
    ];

    private static readonly string[] s_pureFolders = ["nodeproxy/Mesh.Node.Model", "nodeproxy/Mesh.Node.Protocols"];

    private static readonly HashSet<string> s_nativeNames =
        ["Marshal", "LibraryImport", "LibraryImportAttribute", "DllImport", "DllImportAttribute"];

    private const string ChannelType = "Channel";

    private static readonly HashSet<string> s_impureNames =
    [
        "Task", "Thread", "ThreadPool", "Timer", "TimeProvider", "Stopwatch", "TickCount", "TickCount64", "ILogger", "FileStream", "Socket",
    ];

    /// <summary>Words of everyday use, which are impure only where their members are called.</summary>
    private static readonly HashSet<string> s_impureOwners = ["File", "Directory", "Console"];

    /// <summary>Only native-interop has unsafe code, imports and descriptor numbers.</summary>
    public static IEnumerable<Finding> CheckNative(SourceFile file)
    {
        if (file.IsUnder("native-interop"))
        {
            yield break;
        }

        // The tests of native-interop look at native memory as it does, with Marshal and without unsafe code.
        bool mayMarshal = file.IsUnder("tests/Mesh.Interop.Tests");
        foreach (SyntaxToken token in file.Syntax.DescendantTokens())
        {
            bool isNativeName = token.IsKind(SyntaxKind.IdentifierToken)
                && s_nativeNames.Contains(token.ValueText)
                && !(mayMarshal && token.ValueText == "Marshal");
            if (isNativeName || token.IsKind(SyntaxKind.UnsafeKeyword))
            {
                yield return file.At(token, $"'{token.ValueText}' belongs in native-interop only.");
            }
        }
    }

    /// <summary>Code of a loop awaits only what the loop owns: anything else moves a connection to the thread pool.</summary>
    public static IEnumerable<Finding> CheckLoop(SourceFile file)
    {
        if (!file.IsUnder(s_loopFolders))
        {
            yield break;
        }

        foreach (SyntaxNode node in file.Syntax.DescendantNodes())
        {
            string? banned = node switch
            {
                MemberAccessExpressionSyntax
                {
                    Expression: IdentifierNameSyntax { Identifier.ValueText: "Task" }
                        or MemberAccessExpressionSyntax { Name.Identifier.ValueText: "Task" },
                    Name.Identifier.ValueText: "Run" or "Delay" or "Yield" or "WhenAll" or "WhenAny" or "Factory",
                } access => access.ToString(),
                SimpleNameSyntax { Identifier.ValueText: "SemaphoreSlim" or "ThreadPool" } name => name.ToString(),
                GenericNameSyntax { Identifier.ValueText: ChannelType } name => name.ToString(),
                MemberAccessExpressionSyntax { Expression: IdentifierNameSyntax { Identifier.ValueText: ChannelType } } access =>
                    access.ToString(),
                _ => null,
            };
            if (banned is not null)
            {
                yield return file.At(node.GetFirstToken(), $"'{banned}' leaves the loop: wait on a timer or a handler of the loop.");
            }
        }
    }

    /// <summary>Model and protocols read no clock, do no input or output, take no logger and start no task.</summary>
    public static IEnumerable<Finding> CheckPure(SourceFile file)
    {
        if (!file.IsUnder(s_pureFolders))
        {
            yield break;
        }

        foreach (SimpleNameSyntax name in file.Syntax.DescendantNodes().OfType<SimpleNameSyntax>())
        {
            bool isOwner = name.Parent is MemberAccessExpressionSyntax access && access.Expression == name;
            if (s_impureNames.Contains(name.Identifier.ValueText) || (isOwner && s_impureOwners.Contains(name.Identifier.ValueText)))
            {
                yield return file.At(name.Identifier, $"'{name}' has no place in a pure project: callers pass time and bytes in.");
            }
        }
    }
}
