using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Grpc.Net.Client;
using Mesh.Api.Certificates;

namespace Mesh.Control.Tests.Support;

/// <summary>Certificate requests as a proxy makes them, and as somebody with other intentions might.</summary>
internal static class SigningRequests
{
    public static string Pem(ECDsa key, params string[] uris) => Pem(key, names =>
    {
        foreach (string uri in uris)
        {
            names.AddUri(new Uri(uri));
        }
    });

    public static string Pem(ECDsa key, Action<SubjectAlternativeNameBuilder> addNames)
    {
        var request = new CertificateRequest(new X500DistinguishedName(string.Empty), key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        addNames(names);
        try
        {
            request.CertificateExtensions.Add(names.Build(critical: true));
        }
        catch (InvalidOperationException)
        {
            // No names: a request without the extension.
        }

        return request.CreateSigningRequestPem();
    }

    /// <param name="key">Signs and is asked for.</param>
    /// <param name="uri">The one name, or none.</param>
    /// <param name="extensions">What else is asked for.</param>
    public static string PemWith(ECDsa key, string? uri, params X509Extension[] extensions)
    {
        var request = new CertificateRequest(new X500DistinguishedName(string.Empty), key, HashAlgorithmName.SHA256);
        if (uri is not null)
        {
            var names = new SubjectAlternativeNameBuilder();
            names.AddUri(new Uri(uri));
            request.CertificateExtensions.Add(names.Build(critical: true));
        }

        foreach (X509Extension extension in extensions)
        {
            request.CertificateExtensions.Add(extension);
        }

        return request.CreateSigningRequestPem();
    }

    public static IstioCertificateRequest Request(string identity, string csr, long validitySeconds = 0)
    {
        var request = new IstioCertificateRequest { Csr = csr, ValidityDuration = validitySeconds, Metadata = new Struct() };
        request.Metadata.Fields["ImpersonatedIdentity"] = Value.ForString(identity);
        return request;
    }

    public static async Task<IstioCertificateResponse> SignAsync(GrpcChannel channel, string token, IstioCertificateRequest request) =>
        await new IstioCertificateService.IstioCertificateServiceClient(channel).CreateCertificateAsync(
            request, new Metadata { { "authorization", $"Bearer {token}" } });
}
