using Mesh.Control.Dialects.Traffic;
using Mesh.Control.Model.Inputs;
using Mesh.Control.Model.Traffic;

namespace Mesh.Control.Dialects.Istio;

/// <summary>Reads StringMatch: exact, prefix or regex.</summary>
internal static class TextConditionReader
{
    private static readonly string[] s_fields = ["exact", "prefix", "regex"];

    /// <returns>Null when it is absent or broken; an empty one, and the regex *, ask for presence.</returns>
    public static TextCondition? Read(FieldReader parent, string key)
    {
        if (parent.Section(key) is not { } section)
        {
            return null;
        }

        return Read(section);
    }

    /// <inheritdoc cref="Read(FieldReader, string)"/>
    public static TextCondition? Read(FieldReader section)
    {
        section.RefuseUnknown("A string match", s_fields);
        if (section.Entries.Count == 0)
        {
            return TextCondition.Present;
        }

        if (section.Entries.Count > 1 || section.NullKeys().Count > 0)
        {
            section.Error(section.Entries[0].Key, "A string match has one of exact, prefix and regex.");
            return null;
        }

        switch (section.Entries[0].Key)
        {
            case "exact" when section.Text("exact") is { } exact:
                return TrafficFields.Exact(exact);
            case "prefix" when section.Text("prefix") is { } prefix:
                if (prefix.Length == 0)
                {
                    section.Error("prefix", "An empty prefix is no condition.", "Leave the match out.");
                }

                return new TextCondition(TextConditionKind.Prefix, prefix);
            case "regex" when section.Text("regex") is { } regex:
                return regex == "*" ? TextCondition.Present
                    : section.CheckPattern("regex", regex) ? new TextCondition(TextConditionKind.Pattern, regex)
                    : null;
            default:
                return null;
        }
    }
}
