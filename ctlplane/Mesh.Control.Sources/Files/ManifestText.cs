using System.Buffers;
using System.Text;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Sources.Files;

/// <summary>
/// The text of a file, if it is text: UTF-8 without control characters. The parser takes a NUL for the end of the file and would not see
/// what comes after it.
/// </summary>
internal static class ManifestText
{
    private static readonly UTF8Encoding s_strictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>The control characters YAML does not allow; tab, line feed and carriage return it does.</summary>
    private static readonly SearchValues<char> s_controls =
        SearchValues.Create([.. Enumerable.Range(0, ' ').Select(code => (char)code).Except("\t\n\r"), '\x7f']);

    /// <exception cref="ManifestFormatException">It is not such a text.</exception>
    public static string Decode(ReadOnlySpan<byte> content)
    {
        if (content.StartsWith(Encoding.UTF8.Preamble))
        {
            content = content[Encoding.UTF8.Preamble.Length..];
        }

        string text;
        try
        {
            text = s_strictUtf8.GetString(content);
        }
        catch (DecoderFallbackException exception)
        {
            int index = Math.Clamp(exception.Index, 0, content.Length);
            throw new ManifestFormatException(
                new SourcePosition(content[..index].Count((byte)'\n') + 1, Column: 0),
                string.Empty,
                $"Not UTF-8: the byte {Convert.ToHexString(exception.BytesUnknown ?? [])}.",
                "Save the file as UTF-8.");
        }

        int control = text.AsSpan().IndexOfAny(s_controls);
        return control < 0
            ? text
            : throw new ManifestFormatException(
                new SourcePosition(text.AsSpan(0, control).Count('\n') + 1, Column: 0),
                string.Empty,
                $"The control character {(int)text[control]:X2} does not belong into a manifest.");
    }
}
