using System.Text;
using System.Text.RegularExpressions;

namespace Mesh.Fuzz.Oracles;

/// <summary>Says what a connection begins with by regular expressions: what it is, and what it may still become.</summary>
internal static partial class SlowSniffer
{
    private const string Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    private const int InputBytesMax = 16_384;

    public static string Sniff(byte[] input)
    {
        string text = Encoding.Latin1.GetString(input, 0, Math.Min(input.Length, InputBytesMax));
        string sniffed = Preface.StartsWith(text, StringComparison.Ordinal) && text.Length < Preface.Length ? "NeedMore"
            : text.StartsWith(Preface, StringComparison.Ordinal) ? "Http2"
            : RequestLine().IsMatch(text) ? "Http1"
            : Handshake().IsMatch(text) && HasRecordLength(text) ? "Tls"
            : RequestLineStart().IsMatch(text) || (HandshakeStart().IsMatch(text) && HasRecordLength(text)) ? "NeedMore"
            : "Other";
        return sniffed == "NeedMore" && input.Length >= InputBytesMax ? "Other" : sniffed;
    }

    private static bool HasRecordLength(string text) => text.Length < 5 || (text[3] * 256) + text[4] is >= 1 and <= 16_384;

    [GeneratedRegex(@"^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,32} [^\x00-\x20\x7f]+ HTTP/")]
    private static partial Regex RequestLine();

    [GeneratedRegex(@"^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,32}( ([^\x00-\x20\x7f]+( (H(T(T(P)?)?)?)?)?)?)?\z")]
    private static partial Regex RequestLineStart();

    [GeneratedRegex(@"^\x16\x03[\x00-\x04][\x00-\xff]{2}\x01")]
    private static partial Regex Handshake();

    [GeneratedRegex(@"^\x16(\x03([\x00-\x04][\x00-\xff]{0,2})?)?\z")]
    private static partial Regex HandshakeStart();
}
