using System.Collections.Immutable;
using Mesh.Control.Dialects.Traffic;
using Mesh.Control.Model.Inputs;
using Mesh.Control.Model.Traffic;

namespace Mesh.Control.Dialects.Istio;

/// <summary>Reads headers: what is set, added and removed of requests and responses.</summary>
internal static class HeaderOperationsReader
{
    private static readonly string[] s_fields = ["request", "response"];
    private static readonly string[] s_operations = ["add", "remove", "set"];

    /// <param name="parent">The rule or destination.</param>
    /// <param name="authority">What the request's authority is set to; null for nothing.</param>
    public static (HeaderOperations Request, HeaderOperations Response) Read(FieldReader parent, out string? authority)
    {
        authority = null;
        if (parent.Section("headers") is not { } headers)
        {
            return (HeaderOperations.None, HeaderOperations.None);
        }

        headers.RefuseUnknown("headers", s_fields);
        HeaderOperations request = ReadOperations(headers, "request", out authority);
        HeaderOperations response = ReadOperations(headers, "response", out string? misplaced);
        if (misplaced is not null)
        {
            headers.Error("response.set", "A response has no authority.");
        }

        return (request, response);
    }

    private static HeaderOperations ReadOperations(FieldReader headers, string key, out string? authority)
    {
        authority = null;
        if (headers.Section(key) is not { } section)
        {
            return HeaderOperations.None;
        }

        section.RefuseUnknown(key, s_operations);
        ImmutableArray<string>.Builder remove = ImmutableArray.CreateBuilder<string>();
        foreach (TextItem item in section.Texts("remove"))
        {
            if (section.CheckChangeable("remove", item.Text))
            {
                remove.Add(item.Text);
            }
        }

        ImmutableArray<HeaderText> set = ReadTexts(section, "set", key == "response", out authority);
        ImmutableArray<HeaderText> add = ReadTexts(section, "add", key == "response", out string? added);
        if (added is not null)
        {
            section.Error("add", "There is one authority, so none can be added.", "Use set.");
        }

        return new HeaderOperations(remove.ToImmutable(), set, add);
    }

    private static ImmutableArray<HeaderText> ReadTexts(FieldReader section, string key, bool isResponse, out string? authority)
    {
        authority = null;
        ImmutableArray<HeaderText>.Builder texts = ImmutableArray.CreateBuilder<HeaderText>();
        foreach (KeyValuePair<string, string> header in section.TextMap(key).Entries)
        {
            if (!section.CheckValue(key, header.Value)
                || HeaderValueReader.Read(section, key, header.Value, isResponse) is not { } parts)
            {
                continue;
            }

            string? value = parts.IsEmpty ? string.Empty : parts is [{ Operator: HeaderOperator.Text } text] ? text.Text : null;
            if (header.Key is ":authority" || header.Key.Equals("host", StringComparison.OrdinalIgnoreCase))
            {
                authority = value;
                if (value is null)
                {
                    section.Error(key, $"'{header.Value}': an authority is written as it stands, without operators.");
                }
            }
            else if (section.CheckChangeable(key, header.Key))
            {
                texts.Add(new HeaderText(header.Key, value ?? header.Value) { Parts = value is null ? parts : [] });
            }
        }

        return texts.ToImmutable();
    }
}
