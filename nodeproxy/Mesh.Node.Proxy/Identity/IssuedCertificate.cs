using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Mesh.Api.Identity;

namespace Mesh.Node.Proxy.Identity;

/// <summary>What the authority answered, checked to be what was asked for. Immutable; holds no key.</summary>
internal sealed class IssuedCertificate
{
    /// <summary>A leaf, the intermediates the TLS engine sends at most, and the roots.</summary>
    private const int ElementsMax = 10;

    private const int CharsMax = 256 * 1024;

    private IssuedCertificate(string chainPem, string rootsPem, ImmutableArray<CertificateSummary> chain)
    {
        ChainPem = chainPem;
        RootsPem = rootsPem;
        Chain = chain;
    }

    /// <summary>The leaf and its intermediates.</summary>
    public string ChainPem { get; }

    /// <summary>The roots the authority says peers have.</summary>
    public string RootsPem { get; }

    /// <summary>The leaf first.</summary>
    public ImmutableArray<CertificateSummary> Chain { get; }

    public DateTimeOffset NotAfter => Chain[0].NotAfter;

    /// <summary>Reads an answer.</summary>
    /// <returns>False, with the problem, when the answer is not a usable certificate of this identity for this key.</returns>
    public static bool TryRead(
        IReadOnlyList<string> answer,
        SpiffeId identity,
        WorkloadKey key,
        DateTimeOffset now,
        [NotNullWhen(true)] out IssuedCertificate? issued,
        [NotNullWhen(false)] out string? problem)
    {
        issued = null;
        if (answer.Count is < 2 or > ElementsMax || answer.Sum(element => (long)element.Length) > CharsMax)
        {
            problem = string.Create(
                CultureInfo.InvariantCulture,
                $"the answer has {answer.Count} parts: a leaf, its intermediates and the roots are expected");
            return false;
        }

        try
        {
            string chainPem = string.Join('\n', answer.Take(answer.Count - 1));
            string rootsPem = answer[^1];
            var chain = new X509Certificate2Collection();
            chain.ImportFromPem(chainPem);
            problem = chain.Count == 0 ? "the answer holds no certificate" : ProblemOf(chain[0], identity, key, now);
            if (problem is null)
            {
                issued = new IssuedCertificate(chainPem, rootsPem, [.. chain.Select(CertificateSummary.Of)]);
            }
        }
        catch (CryptographicException exception)
        {
            problem = $"the answer cannot be read: {exception.Message}";
        }

        return problem is null;
    }

    private static string? ProblemOf(X509Certificate2 leaf, SpiffeId identity, WorkloadKey key, DateTimeOffset now)
    {
        List<string> names = UriNames.Of(leaf);
        if (names.Count != 1 || names[0] != identity.ToString())
        {
            return $"the certificate names {(names.Count == 0 ? "nobody" : string.Join(", ", names))}";
        }

        if (!key.Matches(leaf))
        {
            return "the certificate is for another key";
        }

        var notAfter = new DateTimeOffset(leaf.NotAfter);
        return notAfter <= now ? $"the certificate expired at {notAfter:u}" : null;
    }
}

/// <summary>One certificate as people look at it.</summary>
/// <param name="Name">Its first URI name, or its subject.</param>
/// <param name="Issuer">Who signed it.</param>
/// <param name="SerialNumber">Upper-case hexadecimal.</param>
/// <param name="NotBefore">Valid from then on.</param>
/// <param name="NotAfter">Valid until then.</param>
public sealed record CertificateSummary(string Name, string Issuer, string SerialNumber, DateTimeOffset NotBefore, DateTimeOffset NotAfter)
{
    internal static CertificateSummary Of(X509Certificate2 certificate) => new(
        UriNames.Of(certificate).FirstOrDefault(certificate.Subject),
        certificate.Issuer,
        certificate.SerialNumber,
        new DateTimeOffset(certificate.NotBefore),
        new DateTimeOffset(certificate.NotAfter));
}
