using System.Text;
using Mesh.Fuzz.Oracles;
using Mesh.Node.Protocols.Http;

namespace Mesh.Fuzz.Targets;

/// <summary>
/// The normal form of a path, of every kind, against the steps written down one by one; what is normal stays so, is never longer, and is
/// the same when made in place.
/// </summary>
internal sealed class PathTarget() : TextTarget(
    "path",
    "/", "//", "/./", "/../", "..", ".", "\\", "%2e", "%2E%2e", "%2f", "%2F", "%5c", "%5C", "%00", "%0", "%", "%%", "%25", "%252e", "%61", "%7E", "%zz",
    "a", "abc", "A", "~", ";", "?", "/?a=/../b", "*", " ", "\u00e9", "%c3%a9", "%C0%AE", "\0", "/a/b/c", "...", "/.hidden")
{
    protected override string Compare(byte[] input, string text)
    {
        var verdict = new StringBuilder();
        foreach (PathNormalization kind in Enum.GetValues<PathNormalization>())
        {
            byte[] output = new byte[input.Length];
            bool isTaken = PathNormalizer.TryNormalize(input, kind, output, out int bytes);
            string? expected = SlowPath.Normalize(text, kind);
            FuzzFailure.ThrowUnlessEqual(expected is not null, isTaken, $"{kind} taken");

            byte[] inPlace = [.. input];
            FuzzFailure.ThrowUnlessEqual(isTaken, PathNormalizer.TryNormalize(inPlace, kind, inPlace, out int bytesInPlace), $"{kind} taken in place");
            if (expected is null)
            {
                verdict.Append("refused ");
                continue;
            }

            string normal = Encoding.Latin1.GetString(output, 0, bytes);
            FuzzFailure.ThrowUnlessEqual(expected, normal, $"{kind}");
            FuzzFailure.ThrowUnlessEqual(expected, Encoding.Latin1.GetString(inPlace, 0, bytesInPlace), $"{kind} in place");

            byte[] again = new byte[bytes];
            if (!PathNormalizer.TryNormalize(output.AsSpan(0, bytes), kind, again, out int bytesAgain)
                || !again.AsSpan(0, bytesAgain).SequenceEqual(output.AsSpan(0, bytes)))
            {
                throw new FuzzFailure($"{kind}: the normal form '{normal}' is not its own.");
            }

            verdict.Append(normal == text ? "same " : "changed ");
        }

        return verdict.ToString();
    }
}
