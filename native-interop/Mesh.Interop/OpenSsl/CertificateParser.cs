using System.Globalization;

namespace Mesh.Interop.OpenSsl;

/// <summary>Turns configured text into OpenSSL's objects, with messages that name the block that is wrong.</summary>
internal static unsafe class CertificateParser
{
    private const int CertificatesTextCharsMax = 4 * 1024 * 1024;
    private const int RevocationListsTextCharsMax = 64 * 1024 * 1024;

    /// <summary>
    /// Reads certificates. The caller releases them, also those read before a failure: they are in <paramref name="into"/>.
    /// </summary>
    internal static void ReadCertificates(string pem, string what, int countMax, List<X509Handle> into)
    {
        List<byte[]> blocks = PemBlocks.Read(pem, "CERTIFICATE", what, countMax, CertificatesTextCharsMax);
        if (blocks.Count == 0)
        {
            throw new TlsConfigurationException($"{what}: no certificate.");
        }

        foreach (byte[] block in blocks)
        {
            fixed (byte* start = block)
            {
                byte* cursor = start;
                ErrorQueue.Clear();
                X509Handle certificate = LibCrypto.d2i_X509(0, ref cursor, block.Length);
                into.Add(certificate);
                RefuseUnlessWhole(certificate.IsInvalid, cursor - start, block.Length, $"{what}: certificate {Number(into.Count)}");
            }
        }
    }

    /// <summary>
    /// Reads revocation lists. The caller releases them, also those read before a failure: they are in <paramref name="into"/>.
    /// </summary>
    internal static void ReadRevocationLists(string pem, string what, int countMax, List<X509RevocationListHandle> into)
    {
        foreach (byte[] block in PemBlocks.Read(pem, "X509 CRL", what, countMax, RevocationListsTextCharsMax))
        {
            fixed (byte* start = block)
            {
                byte* cursor = start;
                ErrorQueue.Clear();
                X509RevocationListHandle list = LibCrypto.d2i_X509_CRL(0, ref cursor, block.Length);
                into.Add(list);
                RefuseUnlessWhole(list.IsInvalid, cursor - start, block.Length, $"{what}: list {Number(into.Count)}");
            }
        }
    }

    /// <summary>
    /// Reads an unencrypted PKCS#8 key. OpenSSL's reason is left out of the message, which must not show anything of the key.
    /// </summary>
    internal static PrivateKeyHandle ReadPrivateKey(ReadOnlySpan<byte> pkcs8)
    {
        fixed (byte* start = pkcs8)
        {
            byte* cursor = start;
            ErrorQueue.Clear();
            using Pkcs8Handle envelope = LibCrypto.d2i_PKCS8_PRIV_KEY_INFO(0, ref cursor, pkcs8.Length);
            if (envelope.IsInvalid || cursor - start != pkcs8.Length)
            {
                ErrorQueue.Clear();
                throw new TlsConfigurationException("The private key is not an unencrypted PKCS#8 key in DER.");
            }

            PrivateKeyHandle key = LibCrypto.EVP_PKCS82PKEY(envelope);
            if (key.IsInvalid)
            {
                key.Dispose();
                ErrorQueue.Clear();
                throw new TlsConfigurationException("The private key is of a kind this OpenSSL does not know, or damaged.");
            }

            return key;
        }
    }

    private static void RefuseUnlessWhole(bool isInvalid, long consumedBytes, int blockBytes, string what)
    {
        if (isInvalid)
        {
            throw new TlsConfigurationException($"{what} cannot be read: {ErrorQueue.TakeText()}.");
        }

        if (consumedBytes != blockBytes)
        {
            throw new TlsConfigurationException($"{what} is followed by {Number((int)(blockBytes - consumedBytes))} stray bytes.");
        }
    }

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
}
