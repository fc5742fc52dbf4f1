using System.Globalization;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using Mesh.Node.Proxy.Identity;

namespace Mesh.Node.Proxy.Admin;

/// <summary>
/// Certificates as JSON, in ztunnel's shape: chains and roots with their lifetimes. That there is a key is said, and never what it is.
/// </summary>
internal static class CertificateDump
{
    /// <summary>The state as ztunnel and istioctl call it.</summary>
    public static string Word(CertificateState state) => state switch
    {
        CertificateState.Awaited => "Initializing",
        CertificateState.Valid => "Available",
        CertificateState.Expired => "Expired",
        CertificateState.Revoked => "Revoked",
        _ => "Unavailable",
    };

    /// <summary>Writes every identity into an array that is open.</summary>
    public static async Task WriteAsync(JsonPage json, Func<IReadOnlyList<CertificateStatus>> certificates)
    {
        foreach (CertificateStatus status in certificates())
        {
            json.Writer.WriteStartObject();
            json.Writer.WriteString("identity", status.Identity.ToString());
            json.Writer.WriteString("state", Word(status.State));
            json.Optional("lastError", status.LastError);
            if (status.NextAttempt is DateTimeOffset nextAttempt)
            {
                json.Writer.WriteString("nextAttempt", Text(nextAttempt.UtcDateTime));
            }

            WriteChain(json.Writer, "certChain", status.ChainPem);
            if (status.ChainPem.Length > 0)
            {
                json.Writer.WriteString("privateKey", "[redacted]");
            }

            WriteChain(json.Writer, "rootCerts", status.RootsPem);
            json.Writer.WriteEndObject();
            await json.BreatheAsync();
        }
    }

    private static void WriteChain(Utf8JsonWriter writer, string name, string pem)
    {
        X509Certificate2Collection chain = [];
        chain.ImportFromPem(pem);
        writer.WriteStartArray(name);
        foreach (X509Certificate2 certificate in chain)
        {
            using (certificate)
            {
                writer.WriteStartObject();
                writer.WriteString("pem", Convert.ToBase64String(Encoding.ASCII.GetBytes(certificate.ExportCertificatePem())));
                writer.WriteString("subject", certificate.Subject);
                writer.WriteString("issuer", certificate.Issuer);
                writer.WriteString("serialNumber", certificate.SerialNumber);
                writer.WriteString("validFrom", Text(certificate.NotBefore));
                writer.WriteString("expirationTime", Text(certificate.NotAfter));
                writer.WriteEndObject();
            }
        }

        writer.WriteEndArray();
    }

    private static string Text(DateTime time) => time.ToUniversalTime().ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);
}
