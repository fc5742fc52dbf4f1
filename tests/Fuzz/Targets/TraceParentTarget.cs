using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Mesh.Node.Protocols.Hbone;

namespace Mesh.Fuzz.Targets;

/// <summary>Traceparent, against one regular expression; what was read is written and read again.</summary>
internal sealed partial class TraceParentTarget() : TextTarget(
    "traceparent",
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "00", "01", "ff", "-", "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331",
    "00000000000000000000000000000000", "0000000000000000", "A", "g", "x", "\0", " ", "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-future")
{
    protected override string Compare(byte[] input, string text)
    {
        bool parsed = TraceParent.TryParse(input, out TraceParent trace);
        Match match = Format().Match(text);
        string version = match.Groups["version"].Value;
        bool isValid = match.Success && text.Length <= 256 && version != "ff"
            && (version != "00" || text.Length == TraceParent.SizeBytes)
            && match.Groups["trace"].Value.Trim('0').Length > 0 && match.Groups["span"].Value.Trim('0').Length > 0;
        FuzzFailure.ThrowUnlessEqual(isValid, parsed, "Valid");
        if (!parsed)
        {
            return Invalid;
        }

        FuzzFailure.ThrowUnlessEqual(UInt128.Parse(match.Groups["trace"].Value, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture),
            new UInt128(trace.TraceIdHigh, trace.TraceIdLow), "Trace id");
        byte[] written = new byte[TraceParent.SizeBytes];
        if (!trace.TryFormat(written, out int bytes) || bytes != written.Length)
        {
            throw new FuzzFailure("What was read cannot be written.");
        }

        FuzzFailure.ThrowUnlessEqual("00" + text[2..TraceParent.SizeBytes], Encoding.ASCII.GetString(written), "Written");
        return version == "00" ? "valid" : "later";
    }

    [GeneratedRegex(@"^(?<version>[0-9a-f]{2})-(?<trace>[0-9a-f]{32})-(?<span>[0-9a-f]{16})-(?<flags>[0-9a-f]{2})(-.*)?\z", RegexOptions.Singleline)]
    private static partial Regex Format();
}
