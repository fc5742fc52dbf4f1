using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Mesh.Testing.Certificates;

/// <summary>A leaf certificate with its key and the chain a peer needs, in the forms the product takes.</summary>
public sealed class TestCertificate
{
    internal TestCertificate(byte[] der, string chainPem, ECDsa key)
    {
        Der = der;
        ChainPem = chainPem;
        PrivateKeyPkcs8 = key.ExportPkcs8PrivateKey();
        PrivateKeyPem = key.ExportPkcs8PrivateKeyPem();
    }

    /// <summary>The leaf alone.</summary>
    public byte[] Der { get; }

    /// <summary>The leaf, then the intermediates up to but without the root.</summary>
    public string ChainPem { get; }

    /// <summary>The leaf's key in DER.</summary>
    public byte[] PrivateKeyPkcs8 { get; }

    /// <summary>The leaf's key in PEM.</summary>
    public string PrivateKeyPem { get; }

    /// <summary>The serial number in upper-case hexadecimal.</summary>
    public string SerialNumber
    {
        get
        {
            using X509Certificate2 certificate = X509CertificateLoader.LoadCertificate(Der);
            return certificate.SerialNumber;
        }
    }
}
