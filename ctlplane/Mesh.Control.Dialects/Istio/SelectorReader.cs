using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Dialects.Istio;

/// <summary>Reads the selector policies have. What cannot be read selects more, never less.</summary>
internal static class SelectorReader
{
    private const int ValueCharsMax = 63;

    private static readonly string[] s_fields = ["matchLabels"];

    /// <returns>Null when everything in scope is selected.</returns>
    public static Labels? Read(FieldReader spec, string key)
    {
        if (spec.Section(key) is not { } selector)
        {
            return null;
        }

        bool isBroken = false;
        foreach (string unknown in selector.UnknownKeys(s_fields))
        {
            isBroken = true;
            selector.Error(unknown, "A selector has matchLabels and nothing else.");
        }

        foreach (string empty in selector.NullKeys())
        {
            isBroken = true;
            selector.Error(empty, "The field has no value.", "Leave the selector out to select everything.");
        }

        Labels labels = selector.TextMap("matchLabels");
        isBroken |= selector.Section("matchLabels") is { } written && written.Entries.Count != labels.Count;
        foreach (KeyValuePair<string, string> label in labels.Entries)
        {
            if (label.Value.Contains('*', StringComparison.Ordinal) || label.Value.Length > ValueCharsMax)
            {
                isBroken = true;
                selector.Error(
                    "matchLabels", $"'{label.Value}' cannot be the value of the label {label.Key}.", "Labels are compared whole.");
            }
        }

        return isBroken || labels.Count == 0 ? null : labels;
    }
}
