using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Mesh.Control.Analysis.Inputs;
using Mesh.Control.Model.Diagnostics;

namespace Mesh.Control.Analysis.Rules.Gateways;

/// <summary>IST0101, IST0161 and IST0138: the secrets of Gateways exist, hold certificates, and are each of one Gateway.</summary>
internal sealed class Credentials : IRule
{
    private const string CaSuffix = "-cacert";

    public IEnumerable<Diagnostic> Find(MeshInput mesh)
    {
        var users = new Dictionary<string, Gateway>(StringComparer.Ordinal);
        foreach (Gateway gateway in mesh.Gateways)
        {
            foreach (Field name in gateway.Servers.SelectMany(server => server.Credentials))
            {
                foreach (Diagnostic finding in CheckSecret(mesh, gateway, name))
                {
                    yield return finding;
                }

                string key = $"{gateway.Spec["selector"].Canonical()} {name.Text}";
                if (!users.TryAdd(key, gateway) && users[key] != gateway)
                {
                    Gateway first = users[key];
                    yield return DiagnosticCodes.SharedCertificate.At(
                        gateway,
                        name,
                        $"{first.Namespace}/{first.Name} serves with the same certificate: a client that keeps its HTTP/2 connection asks "
                            + "it for this gateway's hosts, and is answered 404.");
                }
            }
        }
    }

    private static IEnumerable<Diagnostic> CheckSecret(MeshInput mesh, Gateway gateway, Field name)
    {
        // Secrets are seldom among manifests, and never read from a cluster: of an input without any nothing can be said.
        if (!mesh.Present.HasFlag(Needs.Secrets))
        {
            yield break;
        }

        HashSet<string> namespaces = mesh.Workloads.SelectEverywhere(gateway.Selector)
            .Select(workload => workload.Namespace)
            .Append(gateway.Namespace)
            .ToHashSet(StringComparer.Ordinal);
        Entry? secret = mesh.Of(Kinds.Secret).FirstOrDefault(entry => entry.Name == name.Text && namespaces.Contains(entry.Namespace));
        if (secret is null)
        {
            yield return DiagnosticCodes.ReferenceMissing.At(
                gateway, name, $"There is no secret \"{name.Text}\" for this gateway.", "Create the secret where the gateway's "
                    + "workloads run.");
        }
        else if (!name.Text.EndsWith(CaSuffix, StringComparison.Ordinal) && ProblemOf(secret) is { Length: > 0 } problem)
        {
            yield return DiagnosticCodes.CredentialInvalid.At(
                gateway, name, $"The secret {secret.Namespace}/{secret.Name} is no certificate with its key: {problem}.");
        }
    }

    private static string ProblemOf(Entry secret)
    {
        string certificate = ValueOf(secret, "tls.crt", "cert");
        string key = ValueOf(secret, "tls.key", "key");
        if (certificate.Length == 0 || key.Length == 0)
        {
            return certificate.Length == 0 ? "it has no tls.crt" : "it has no tls.key";
        }

        try
        {
            using var parsed = X509Certificate2.CreateFromPem(certificate, key);
            return string.Empty;
        }
        catch (CryptographicException)
        {
            return "tls.crt is no certificate of the key in tls.key";
        }
        catch (ArgumentException)
        {
            return "tls.key is no key";
        }
    }

    private static string ValueOf(Entry secret, params string[] keys)
    {
        foreach (string key in keys)
        {
            if (secret.Root["stringData"][key].Text is { Length: > 0 } plain)
            {
                return plain;
            }

            byte[] decoded = new byte[secret.Root["data"][key].Text.Length];
            if (Convert.TryFromBase64String(secret.Root["data"][key].Text, decoded, out int length) && length > 0)
            {
                return Encoding.UTF8.GetString(decoded, 0, length);
            }
        }

        return string.Empty;
    }
}
