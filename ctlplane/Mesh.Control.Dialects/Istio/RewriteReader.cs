using Mesh.Api.Patterns;
using Mesh.Control.Dialects.Traffic;
using Mesh.Control.Model.Inputs;
using Mesh.Control.Model.Traffic;

namespace Mesh.Control.Dialects.Istio;

/// <summary>Reads HTTPRewrite.</summary>
internal static class RewriteReader
{
    private static readonly string[] s_fields = ["authority", "uri", "uriRegexRewrite"];
    private static readonly string[] s_patternFields = ["match", "rewrite"];

    public static (PathRewrite? Path, string? Authority) Read(FieldReader rule)
    {
        if (rule.Section("rewrite") is not { } rewrite)
        {
            return (null, null);
        }

        rewrite.RefuseUnknown("rewrite", s_fields);
        string? uri = rewrite.Text("uri");
        string? authority = rewrite.Text("authority");
        if (uri is null && authority is null && !rewrite.Has("uriRegexRewrite"))
        {
            rule.Error("rewrite", "It rewrites nothing.", "Give it uri, uriRegexRewrite or authority.");
        }

        if (uri is not null && rewrite.Has("uriRegexRewrite"))
        {
            rewrite.Error("uriRegexRewrite", "A path is rewritten by uri or by uriRegexRewrite, not both.");
        }

        bool isSound = (uri is null || rewrite.CheckValue("uri", uri)) & (authority is null || rewrite.CheckValue("authority", authority));
        PathRewrite? path = uri is null ? ReadPattern(rewrite) : new PathRewrite(uri, ReplacesMatchedPart: true);
        return isSound ? (path, authority) : (null, null);
    }

    private static PathRewrite? ReadPattern(FieldReader rewrite)
    {
        if (rewrite.Section("uriRegexRewrite") is not { } pattern)
        {
            return null;
        }

        pattern.RefuseUnknown("uriRegexRewrite", s_patternFields);
        if (pattern.RequiredText("match") is not { } match
            || pattern.RequiredText("rewrite") is not { } replacement
            || !pattern.CheckValue("rewrite", replacement))
        {
            return null;
        }

        if (!PatternSubstitution.TryCompile(match, replacement, out _, out string? problem))
        {
            pattern.Error("match", $"'{match}' to '{replacement}': {problem}.");
            return null;
        }

        return new PathRewrite(replacement, ReplacesMatchedPart: false) { Pattern = match };
    }
}
