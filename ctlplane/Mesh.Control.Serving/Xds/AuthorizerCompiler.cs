using Google.Protobuf.WellKnownTypes;
using Mesh.Api.Policies;
using Mesh.Control.Model.Canonical;
using Canonical = Mesh.Control.Model.Canonical;
using Proto = Mesh.Api.Policies;

namespace Mesh.Control.Serving.Xds;

/// <summary>Whom a policy has asked, as proxies of this mesh are told. Pure.</summary>
internal static class AuthorizerCompiler
{
    /// <param name="policy">One of <see cref="PolicyAction.Custom"/>.</param>
    public static CustomAuthorization WireOf(AuthorizationPolicy policy) => new()
    {
        Provider = policy.Provider,
        Authorizer = policy.Authorizer is { } authorizer ? WireOf(authorizer) : null,
    };

    private static Proto.Authorizer WireOf(Canonical.Authorizer authorizer)
    {
        var wire = new Proto.Authorizer
        {
            Protocol = authorizer.IsGrpc ? Proto.Authorizer.Types.Protocol.Grpc : Proto.Authorizer.Types.Protocol.Http,
            Service = authorizer.Service.ToString(),
            Port = (uint)authorizer.Port,
            Timeout = Duration.FromTimeSpan(authorizer.Timeout),
            FailOpen = authorizer.FailsOpen,
            StatusOnFailure = (uint)authorizer.StatusOnFailure,
            PathPrefix = authorizer.PathPrefix,
            Content = authorizer.Content is { } content
                ? new Proto.Authorizer.Types.CheckedContent
                {
                    BytesMax = (uint)content.BytesMax,
                    MayBePartial = content.MayBePartial,
                    IsRaw = content.IsRaw,
                }
                : null,
        };
        wire.RequestFields.AddRange(authorizer.RequestFields.Select(MatchCompiler.WireOf));
        wire.AddedFields.AddRange(authorizer.AddedFields.Select(
            field => new Proto.Authorizer.Types.AddedField { Name = field.Key, Value = field.Value }));
        wire.UpstreamFields.AddRange(authorizer.UpstreamFields.Select(MatchCompiler.WireOf));
        wire.AllowedAnswerFields.AddRange(authorizer.AllowedAnswerFields.Select(MatchCompiler.WireOf));
        wire.DeniedAnswerFields.AddRange(authorizer.DeniedAnswerFields.Select(MatchCompiler.WireOf));
        return wire;
    }
}
