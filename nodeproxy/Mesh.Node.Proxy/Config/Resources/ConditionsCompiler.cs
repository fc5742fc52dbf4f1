using System.Collections.Immutable;
using Google.Protobuf;
using Google.Protobuf.Collections;
using Google.Protobuf.WellKnownTypes;
using Mesh.Node.Model.Addresses;
using Mesh.Node.Model.Policies;
using Mesh.Node.Model.Policies.Requests;
using Proto = Mesh.Api.Policies;
using Wire = Mesh.Api.Security;

namespace Mesh.Node.Proxy.Config.Resources;

/// <summary>
/// What a match says in this mesh's own extension. It is read whole or not at all: a match that is marked instead holds for more under DENY
/// and for nothing under ALLOW.
/// </summary>
internal static class ConditionsCompiler
{
    /// <returns>A match of these conditions alone, or the reason why they cannot be read.</returns>
    public static CompiledResource<AuthorizationMatch> Compile(Any? config)
    {
        if (config is null || !config.Is(Proto.MatchConditions.Descriptor))
        {
            return CompiledResource<AuthorizationMatch>.Refused($"its content is a '{config?.TypeUrl}'");
        }

        Proto.MatchConditions wire;
        try
        {
            wire = Proto.MatchConditions.Parser.ParseFrom(config.Value);
        }
        catch (InvalidProtocolBufferException exception)
        {
            return CompiledResource<AuthorizationMatch>.Refused($"its content cannot be decoded: {exception.Message}");
        }

        if (UnknownFields.AreIn(wire, UnknownFields.Without(wire, Proto.MatchConditions.Parser)))
        {
            return CompiledResource<AuthorizationMatch>.WithRemark(
                new AuthorizationMatch { HasUnsupported = true },
                "conditions: they have fields that are not known here, so the policy is taken more strictly");
        }

        try
        {
            return Read(wire);
        }
        catch (ResourceRefusedException exception)
        {
            return CompiledResource<AuthorizationMatch>.Refused(exception.Message);
        }
    }

    private static AuthorizationMatch Read(Proto.MatchConditions wire)
    {
        var request = new RequestConditions
        {
            Methods = Texts(wire.Methods, "methods"),
            NotMethods = Texts(wire.NotMethods, "not_methods"),
            Hosts = Texts(wire.Hosts, "hosts"),
            NotHosts = Texts(wire.NotHosts, "not_hosts"),
            Paths = Texts(wire.Paths, "paths"),
            NotPaths = Texts(wire.NotPaths, "not_paths"),
            PathTemplates = Templates(wire.PathTemplates, "path_templates"),
            NotPathTemplates = Templates(wire.NotPathTemplates, "not_path_templates"),
            Headers = [.. wire.Headers.Select(Header)],
            RemoteAddresses = Blocks(wire.RemoteIps, "remote_ips"),
            NotRemoteAddresses = Blocks(wire.NotRemoteIps, "not_remote_ips"),
            Principals = Texts(wire.RequestPrincipals, "request_principals"),
            NotPrincipals = Texts(wire.NotRequestPrincipals, "not_request_principals"),
            Audiences = Texts(wire.Audiences, "audiences"),
            NotAudiences = Texts(wire.NotAudiences, "not_audiences"),
            Presenters = Texts(wire.Presenters, "presenters"),
            NotPresenters = Texts(wire.NotPresenters, "not_presenters"),
            Claims = [.. wire.Claims.Select(Claim)],
        };
        return new AuthorizationMatch
        {
            TrustDomains = Texts(wire.TrustDomains, "trust_domains"),
            NotTrustDomains = Texts(wire.NotTrustDomains, "not_trust_domains"),
            ServerNames = Texts(wire.ServerNames, "server_names"),
            NotServerNames = Texts(wire.NotServerNames, "not_server_names"),
            Request = request.IsEmpty ? null : request,
        };
    }

    private static HeaderCondition Header(Proto.HeaderMatch wire)
    {
        if (wire.Name.Length == 0 || wire.Values.Count + wire.NotValues.Count == 0)
        {
            throw new ResourceRefusedException($"headers: the condition on '{wire.Name}' has no name or no values");
        }

        return new HeaderCondition(wire.Name, Texts(wire.Values, "headers"), Texts(wire.NotValues, "headers"));
    }

    private static ClaimCondition Claim(Proto.ClaimMatch wire)
    {
        if (wire.Path.Count == 0 || wire.Path.Any(name => name.Length == 0) || wire.Values.Count + wire.NotValues.Count == 0)
        {
            throw new ResourceRefusedException($"claims: the condition on '{string.Join('.', wire.Path)}' has no name or no values");
        }

        return new ClaimCondition([.. wire.Path], Texts(wire.Values, "claims"), Texts(wire.NotValues, "claims"));
    }

    private static ImmutableArray<TextMatch> Texts(RepeatedField<Wire.StringMatch> field, string name) =>
        [.. field.Select(text => PolicyCompiler.ReadText(text) is (true, TextMatch read) ? read : throw NotUnderstood(name, text))];

    private static ImmutableArray<IpPrefix> Blocks(RepeatedField<Wire.Address> field, string name) =>
        [.. field.Select(block => PolicyCompiler.ReadBlock(block) is (true, IpPrefix read) ? read : throw NotUnderstood(name, block))];

    private static ImmutableArray<PathTemplate> Templates(RepeatedField<string> field, string name) =>
        [.. field.Select(text => PathTemplate.TryParse(text, out PathTemplate? read) ? read : throw NotUnderstood(name, text))];

    private static ResourceRefusedException NotUnderstood(string name, object value) => new($"{name}: {value} cannot be understood");
}
