using Mesh.Control.Dialects.Traffic;
using Mesh.Control.Model.Inputs;
using Mesh.Control.Model.Traffic;

namespace Mesh.Control.Dialects.Istio;

/// <summary>Reads <c>tls</c> of a trafficPolicy: TLS that nodes begin towards servers outside the mesh (reference B.2).</summary>
internal static class TlsSettingsReader
{
    private const int TextCharsMax = 255;

    private static readonly string[] s_fields =
    [
        "caCertificates", "caCrl", "clientCertificate", "credentialName", "insecureSkipVerify", "mode", "privateKey", "sni",
        "subjectAltNames",
    ];

    /// <param name="policy">The trafficPolicy, or what it says of one port.</param>
    /// <param name="isOfPort">Which of them.</param>
    /// <returns>Null where nothing is said.</returns>
    public static TlsSpec? Read(FieldReader policy, bool isOfPort)
    {
        if (policy.Section("tls") is not { } tls)
        {
            return null;
        }

        tls.RefuseUnknown("tls", s_fields);
        switch (tls.Text("mode"))
        {
            case "ISTIO_MUTUAL":
                foreach (RawEntry entry in tls.Entries.Where(entry => entry.Key != "mode"))
                {
                    tls.Error(entry.Key, "With ISTIO_MUTUAL the mesh's own certificates are used, and nothing else is said.");
                }

                return new TlsSpec(Origination: null);
            case "DISABLE" or null:
                return new TlsSpec(Origination: null);
            case "SIMPLE":
                return new TlsSpec(ReadOrigination(tls, isOfPort, isMutual: false));
            case "MUTUAL":
                return new TlsSpec(ReadOrigination(tls, isOfPort, isMutual: true));
            case { } mode:
                tls.Error("mode", $"'{mode}' is not a mode.", "Write DISABLE, SIMPLE, MUTUAL or ISTIO_MUTUAL.");
                return null;
        }
    }

    private static TlsOrigination ReadOrigination(FieldReader tls, bool isOfPort, bool isMutual)
    {
        if (tls.Has("credentialName"))
        {
            tls.Error("credentialName", "Secrets are not read.", "Put the files where nodes find them, and name them.");
        }

        if (isMutual)
        {
            foreach (string field in (string[])["clientCertificate", "privateKey"])
            {
                if (string.IsNullOrEmpty(tls.Text(field)))
                {
                    tls.Error(field, "MUTUAL needs a certificate and its private key.");
                }
            }
        }
        else
        {
            foreach (string field in (string[])["clientCertificate", "privateKey"])
            {
                if (tls.Has(field))
                {
                    tls.Error(field, "SIMPLE has no certificate of the client.", "Use MUTUAL.");
                }
            }
        }

        bool skips = tls.Flag("insecureSkipVerify") ?? false;
        string roots = TextOf(tls, "caCertificates");
        if (roots.Length == 0 && !skips)
        {
            tls.Warning(
                "caCertificates",
                "No authority is named, so servers are verified against the roots of each node's system.",
                code: isOfPort ? "IST0129" : "IST0128");
        }

        if (roots.Length == 0 && tls.Has("caCrl"))
        {
            tls.Error("caCrl", "A revocation list needs caCertificates.");
        }

        return new TlsOrigination
        {
            ServerName = TextOf(tls, "sni"),
            AcceptedNames = [.. tls.Texts("subjectAltNames").Select(item => item.Text)],
            SkipsVerification = skips,
            RootsFile = roots,
            RevocationsFile = TextOf(tls, "caCrl"),
            CertificateFile = isMutual ? TextOf(tls, "clientCertificate") : string.Empty,
            PrivateKeyFile = isMutual ? TextOf(tls, "privateKey") : string.Empty,
        };
    }

    private static string TextOf(FieldReader tls, string field)
    {
        string text = tls.Text(field) ?? string.Empty;
        if (text.Length > TextCharsMax)
        {
            tls.Error(field, $"{text.Length} characters; {TextCharsMax} are allowed.");
        }

        return text;
    }
}
