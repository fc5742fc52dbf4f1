using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;

namespace Mesh.Node.Proxy.Admin;

/// <summary>Certificates as JSON, in ztunnel's shape: chains and roots with their lifetimes. There is no key to write.</summary>
internal static class CertificateDump
{
    /// <summary>Writes every identity into an array that is open.</summary>
    public static async Task WriteAsync(JsonPage json, ICertificateLister certificates)
    {
        foreach (CertificateStatus status in certificates.List().OrderBy(status => status.Identity, StringComparer.Ordinal))
        {
            json.Writer.WriteStartObject();
            json.Writer.WriteString("identity", status.Identity);
            json.Writer.WriteString("state", status.State);
            WriteChain(json.Writer, "certChain", status.ChainDer);
            WriteChain(json.Writer, "rootCerts", status.RootsDer);
            json.Writer.WriteEndObject();
            await json.BreatheAsync();
        }
    }

    private static void WriteChain(Utf8JsonWriter writer, string name, IReadOnlyList<ReadOnlyMemory<byte>> chain)
    {
        writer.WriteStartArray(name);
        foreach (ReadOnlyMemory<byte> der in chain)
        {
            using X509Certificate2 certificate = X509CertificateLoader.LoadCertificate(der.Span);
            string pem = PemEncoding.WriteString("CERTIFICATE", certificate.RawDataMemory.Span);
            writer.WriteStartObject();
            writer.WriteString("pem", Convert.ToBase64String(Encoding.ASCII.GetBytes(pem)));
            writer.WriteString("subject", certificate.Subject);
            writer.WriteString("issuer", certificate.Issuer);
            writer.WriteString("serialNumber", certificate.SerialNumber);
            writer.WriteString("validFrom", Text(certificate.NotBefore));
            writer.WriteString("expirationTime", Text(certificate.NotAfter));
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private static string Text(DateTime time) => time.ToUniversalTime().ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);
}
