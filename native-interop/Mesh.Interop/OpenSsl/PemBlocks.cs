using System.Globalization;
using System.Security.Cryptography;

namespace Mesh.Interop.OpenSsl;

/// <summary>Takes the blocks of one label out of PEM text (RFC 7468). Text between blocks is explanatory and ignored.</summary>
/// <remarks>
/// Not OpenSSL's own reader, because that one may ask for a passphrase on the terminal and does not say which block is wrong.
/// </remarks>
internal static class PemBlocks
{
    /// <summary>The binary contents, in order.</summary>
    /// <param name="pem">The text, at most <paramref name="textCharsMax"/> characters of it.</param>
    /// <param name="label">"CERTIFICATE" or "X509 CRL". Any other label is refused: a key in the wrong file must not go unnoticed.</param>
    /// <param name="what">How messages call the text: "the trusted roots".</param>
    /// <param name="blocksMax">At most this many blocks.</param>
    /// <param name="textCharsMax">At most this many characters.</param>
    /// <exception cref="TlsConfigurationException">Says which block of what is wrong.</exception>
    internal static List<byte[]> Read(string pem, string label, string what, int blocksMax, int textCharsMax)
    {
        if (pem.Length > textCharsMax)
        {
            throw new TlsConfigurationException($"{what}: more than {Number(textCharsMax)} characters.");
        }

        List<byte[]> blocks = [];
        ReadOnlySpan<char> rest = pem;
        while (PemEncoding.TryFind(rest, out PemFields fields))
        {
            // A damaged block is not found at all, so look for its remains in what was passed over.
            RefuseDamaged(rest[..fields.Location.Start.Value], what, blocks.Count);

            ReadOnlySpan<char> found = rest[fields.Label];
            if (!found.SequenceEqual(label))
            {
                throw new TlsConfigurationException($"{what}: block {Number(blocks.Count + 1)} is a {found}, not a {label}.");
            }

            if (blocks.Count == blocksMax)
            {
                throw new TlsConfigurationException($"{what}: more than {Number(blocksMax)} blocks.");
            }

            blocks.Add(Convert.FromBase64String(rest[fields.Base64Data].ToString()));
            rest = rest[fields.Location.End.Value..];
        }

        RefuseDamaged(rest, what, blocks.Count);
        return blocks;
    }

    private static void RefuseDamaged(ReadOnlySpan<char> passedOver, string what, int blocksBefore)
    {
        if (passedOver.Contains("-----BEGIN ", StringComparison.Ordinal))
        {
            throw new TlsConfigurationException($"{what}: block {Number(blocksBefore + 1)} is not well-formed PEM.");
        }
    }

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
}
