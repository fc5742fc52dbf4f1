using System.Globalization;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Mesh.Api.Certificates;
using Mesh.Api.Identity;
using Mesh.Control.Serving.Authentication;
using Microsoft.Extensions.Logging;
using Org.BouncyCastle.Crypto;

namespace Mesh.Control.Serving.Ca;

/// <summary>
/// The certificate service nodes call (istio.v1.auth). A node gets certificates for the identities of its own pods and for nothing else;
/// every refusal says why.
/// </summary>
public sealed partial class CertificateService(
    CertificateAuthority authority, IPlacementReader placement, NodeRateLimits limits, ILogger<CertificateService> logger)
    : IstioCertificateService.IstioCertificateServiceBase
{
    /// <summary>The metadata key under which a node names the identity it asks for.</summary>
    public const string ImpersonatedIdentity = "ImpersonatedIdentity";

    public override Task<IstioCertificateResponse> CreateCertificate(IstioCertificateRequest request, ServerCallContext context)
    {
        NodeCaller caller = NodeAuthentication.CallerOf(context);
        if (!limits.TryTakeCertificate(caller.Node))
        {
            throw Refuse(
                caller, "rate", StatusCode.ResourceExhausted, $"{caller.Node} asks for certificates too fast. Back off and try again.");
        }

        SpiffeId identity = ReadIdentity(request, caller);
        if (!identity.TrustDomain.Equals(authority.TrustDomain))
        {
            throw Refuse(
                caller, "trust_domain", StatusCode.PermissionDenied, $"{identity} is not of the trust domain {authority.TrustDomain}.");
        }

        if (!placement.IsKnown)
        {
            throw Refuse(caller, "not_ready", StatusCode.Unavailable, "The configuration has not been read yet. Try again.");
        }

        if (!placement.RunsOn(caller.Node, identity.Namespace, identity.ServiceAccount))
        {
            throw Refuse(
                caller,
                "placement",
                StatusCode.PermissionDenied,
                $"{caller.Node} runs no pod of {identity}. A node gets certificates for its own pods only.");
        }

        if (!SigningRequest.TryRead(request.Csr, identity, out AsymmetricKeyParameter? publicKey, out string? problem))
        {
            throw Refuse(caller, "request", StatusCode.InvalidArgument, problem);
        }

        IssuedCertificate issued;
        try
        {
            issued = authority.IssueWorkload(identity, publicKey, ReadLifetime(request, caller), caller.Node);
        }
        catch (CannotSignException exception)
        {
            throw Refuse(caller, "authority", StatusCode.Unavailable, exception.Message);
        }

        ServingMetrics.CertificatesIssued.Add(1);
        Issued(logger, identity, caller.Node, issued.NotAfter);
        var response = new IstioCertificateResponse();
        response.CertChain.AddRange(issued.Chain);
        response.CertChain.Add(issued.RootCertificatesPem);
        return Task.FromResult(response);
    }

    private SpiffeId ReadIdentity(IstioCertificateRequest request, NodeCaller caller)
    {
        if (request.Metadata is not { } metadata
            || !metadata.Fields.TryGetValue(ImpersonatedIdentity, out Value? value)
            || value.KindCase != Value.KindOneofCase.StringValue)
        {
            throw Refuse(
                caller,
                "request",
                StatusCode.InvalidArgument,
                $"The request's metadata has no string '{ImpersonatedIdentity}'. Nodes have no identity of their own.");
        }

        return SpiffeId.TryParse(value.StringValue, out SpiffeId? identity)
            ? identity
            : throw Refuse(
                caller,
                "request",
                StatusCode.InvalidArgument,
                $"'{ImpersonatedIdentity}' is not of the form spiffe://<trust domain>/ns/<namespace>/sa/<service account>.");
    }

    private TimeSpan? ReadLifetime(IstioCertificateRequest request, NodeCaller caller)
    {
        if (request.ValidityDuration < 0)
        {
            throw Refuse(
                caller,
                "request",
                StatusCode.InvalidArgument,
                string.Create(CultureInfo.InvariantCulture, $"A validity of {request.ValidityDuration} s is not possible."));
        }

        // Longer than the authority allows reads as the longest it allows.
        return request.ValidityDuration is 0 or > int.MaxValue ? null : TimeSpan.FromSeconds(request.ValidityDuration);
    }

    private RpcException Refuse(NodeCaller caller, string metricReason, StatusCode code, string reason)
    {
        ServingMetrics.CertificatesRefused.Add(1, new KeyValuePair<string, object?>("reason", metricReason));
        Refused(logger, caller.Node, reason);
        return new RpcException(new Status(code, reason));
    }

    [LoggerMessage(
        EventId = 1111, Level = LogLevel.Information, Message = "Certificate for {Identity} to {Node}, valid until {NotAfter:u}.")]
    private static partial void Issued(ILogger logger, SpiffeId identity, string node, DateTimeOffset notAfter);

    [LoggerMessage(EventId = 1112, Level = LogLevel.Warning, Message = "Refused a certificate to {Node}: {Reason}")]
    private static partial void Refused(ILogger logger, string node, string reason);
}
