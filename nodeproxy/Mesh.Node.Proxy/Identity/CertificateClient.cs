using System.Security.Cryptography;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Mesh.Api.Certificates;
using Mesh.Api.Identity;
using Mesh.Node.Proxy.Config;

namespace Mesh.Node.Proxy.Identity;

/// <summary>
/// Asks the control plane's certificate service on behalf of this node's workloads. The service gives a node only identities of pods
/// that run on it.
/// </summary>
/// <param name="channel">The way to the control plane.</param>
/// <param name="lifetime">Asked for; the service may give less.</param>
internal sealed class CertificateClient(ControlPlaneChannel channel, TimeSpan lifetime) : ICertificateAuthority
{
    /// <summary>Where the service finds the identity asked for: the caller itself is a node and has none.</summary>
    private const string ImpersonatedIdentity = "ImpersonatedIdentity";

    public async Task<IReadOnlyList<string>> IssueAsync(SpiffeId identity, string requestPem, CancellationToken cancellation)
    {
        var request = new IstioCertificateRequest
        {
            Csr = requestPem,
            ValidityDuration = (long)lifetime.TotalSeconds,
            Metadata = new Struct { Fields = { [ImpersonatedIdentity] = Value.ForString(identity.ToString()) } },
        };
        try
        {
            CallInvoker invoker = await channel.OpenAsync(cancellation);
            Metadata headers = await channel.AuthorizeAsync(cancellation);
            var client = new IstioCertificateService.IstioCertificateServiceClient(invoker);
            IstioCertificateResponse response = await client.CreateCertificateAsync(request, headers, cancellationToken: cancellation);
            return response.CertChain;
        }
        catch (Exception exception) when (exception is RpcException or IOException or UnauthorizedAccessException or CryptographicException
            or HttpRequestException or ObjectDisposedException)
        {
            throw new CertificateRefusedException(ControlPlaneFailure.Describe(exception), exception);
        }
    }
}
