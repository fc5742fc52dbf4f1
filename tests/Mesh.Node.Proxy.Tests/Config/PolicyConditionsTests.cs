using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Mesh.Api.Policies;
using Mesh.Node.Model.Addresses;
using Mesh.Node.Model.Policies;
using Mesh.Node.Model.Policies.Requests;
using Mesh.Node.Proxy.Config.Resources;
using Xunit;
using Asking = Mesh.Node.Model.Policies.Authorizers;
using Wire = Mesh.Api.Security;

namespace Mesh.Node.Proxy.Tests.Config;

/// <summary>What policies say beyond ambient's fields, from the wire.</summary>
public sealed class PolicyConditionsTests
{
    [Fact]
    public void Every_condition_arrives()
    {
        CompiledResource<AuthorizationPolicy> compiled = PolicyCompiler.Compile(PolicyOf(new Wire.Match
        {
            DestinationPorts = { 80 },
            Extensions =
            {
                Conditions(new MatchConditions
                {
                    TrustDomains = { Exact("a") },
                    NotTrustDomains = { Exact("b") },
                    ServerNames = { Exact("c") },
                    NotServerNames = { Exact("d") },
                    Methods = { Exact("GET") },
                    NotMethods = { Exact("PUT") },
                    Hosts = { new Wire.StringMatch { Suffix = ".e" } },
                    NotHosts = { Exact("f") },
                    Paths = { new Wire.StringMatch { Prefix = "/g" }, new Wire.StringMatch { Presence = new Empty() } },
                    NotPaths = { Exact("/h") },
                    PathTemplates = { "/i/{*}" },
                    NotPathTemplates = { "/j/{**}" },
                    Headers = { new HeaderMatch { Name = "k", Values = { Exact("l") }, NotValues = { Exact("m") } } },
                    RemoteIps = { new Wire.Address { Address_ = ByteString.CopyFrom(10, 0, 0, 0), Length = 8 } },
                    NotRemoteIps = { new Wire.Address { Address_ = ByteString.CopyFrom(10, 0, 0, 1), Length = 32 } },
                    RequestPrincipals = { Exact("n") },
                    NotRequestPrincipals = { Exact("o") },
                    Audiences = { Exact("p") },
                    NotAudiences = { Exact("q") },
                    Presenters = { Exact("r") },
                    NotPresenters = { Exact("s") },
                    Claims = { new ClaimMatch { Path = { "t", "u" }, Values = { Exact("v") }, NotValues = { Exact("w") } } },
                }),
            },
        }));

        Assert.False(compiled.IsRefused);
        Assert.Null(compiled.Remark);
        AuthorizationMatch match = MatchOf(compiled.Value);
        Assert.False(match.HasUnsupported);
        Assert.Equal([80], match.DestinationPorts);
        Assert.Equal([TextMatch.Exact("a")], match.TrustDomains);
        Assert.Equal([TextMatch.Exact("b")], match.NotTrustDomains);
        Assert.Equal([TextMatch.Exact("c")], match.ServerNames);
        Assert.Equal([TextMatch.Exact("d")], match.NotServerNames);
        RequestConditions request = match.Request!;
        Assert.Equal([TextMatch.Exact("GET")], request.Methods);
        Assert.Equal([TextMatch.Exact("PUT")], request.NotMethods);
        Assert.Equal([TextMatch.Suffix(".e")], request.Hosts);
        Assert.Equal([TextMatch.Exact("f")], request.NotHosts);
        Assert.Equal([TextMatch.Prefix("/g"), TextMatch.Present], request.Paths);
        Assert.Equal([TextMatch.Exact("/h")], request.NotPaths);
        Assert.Equal(["/i/{*}"], request.PathTemplates.Select(template => template.Text));
        Assert.Equal(["/j/{**}"], request.NotPathTemplates.Select(template => template.Text));
        Assert.Equal([IpPrefix.Parse("10.0.0.0/8")], request.RemoteAddresses);
        Assert.Equal([IpPrefix.Parse("10.0.0.1")], request.NotRemoteAddresses);
        Assert.Equal([TextMatch.Exact("n")], request.Principals);
        Assert.Equal([TextMatch.Exact("o")], request.NotPrincipals);
        Assert.Equal([TextMatch.Exact("p")], request.Audiences);
        Assert.Equal([TextMatch.Exact("q")], request.NotAudiences);
        Assert.Equal([TextMatch.Exact("r")], request.Presenters);
        Assert.Equal([TextMatch.Exact("s")], request.NotPresenters);
        HeaderCondition header = Assert.Single(request.Headers);
        Assert.Equal("k", header.Name);
        Assert.Equal([TextMatch.Exact("l")], header.Values);
        Assert.Equal([TextMatch.Exact("m")], header.NotValues);
        ClaimCondition claim = Assert.Single(request.Claims);
        Assert.Equal(["t", "u"], claim.Path);
        Assert.Equal([TextMatch.Exact("v")], claim.Values);
        Assert.Equal([TextMatch.Exact("w")], claim.NotValues);
    }

    [Fact]
    public void An_authorizer_is_named_and_what_it_decides_is_not_a_DENY()
    {
        Wire.Authorization policy = PolicyOf(new Wire.Match { DestinationPorts = { 80 } });
        policy.Extensions.Add(Extension("mesh-node.io/custom", new CustomAuthorization { Provider = "opa" }));
        CompiledResource<AuthorizationPolicy> compiled = PolicyCompiler.Compile(policy);

        Assert.False(compiled.IsRefused);
        Assert.Null(compiled.Remark);
        Assert.Equal((PolicyAction.Custom, "opa", false), (compiled.Value.Action, compiled.Value.Provider, compiled.Value.HasUnsupported));
    }

    [Fact]
    public void How_an_authorizer_is_asked_is_read_whole()
    {
        Wire.Authorization policy = PolicyOf(new Wire.Match { DestinationPorts = { 80 } });
        policy.Extensions.Add(Extension("mesh-node.io/custom", new CustomAuthorization { Provider = "opa", Authorizer = Asker() }));
        Asking.Authorizer read = PolicyCompiler.Compile(policy).Value!.Authorizer!;

        Assert.Equal(("opa", "auth/ask", (ushort)8000, Asking.AuthorizerProtocol.Grpc), (read.Name, read.ServiceKey, read.Port, read.Protocol));
        Assert.Equal((TimeSpan.FromSeconds(2), true, 503, "/check"), (read.Timeout, read.FailsOpen, read.StatusOnFailure, read.PathPrefix));
        Assert.Equal(new Asking.CheckedContent(10, MayBePartial: true, IsRaw: true), read.Content);
        Assert.Equal("x-from: mesh", Assert.Single(read.AddedFields).ToString());
        Assert.Equal(
            (true, false, true), (read.RequestFields.Contains("x-a"u8), read.RequestFields.Contains("y"u8), read.UpstreamFields.Contains("a-user"u8)));
        Assert.Equal((true, null), (read.AllowedAnswerFields.Contains("x-told"u8), read.DeniedAnswerFields));
    }

    public static TheoryData<string, Action<Authorizer>> Unreadable => new()
    {
        { "authorizer.service", authorizer => authorizer.Service = "ask" },
        { "authorizer.protocol", authorizer => authorizer.Protocol = (Authorizer.Types.Protocol)9 },
        { "authorizer.port", authorizer => authorizer.Port = 0 },
        { "authorizer.timeout", authorizer => authorizer.Timeout = null },
        { "authorizer.status_on_failure", authorizer => authorizer.StatusOnFailure = 200 },
        { "authorizer.path_prefix", authorizer => authorizer.PathPrefix = "/a b" },
        { "authorizer.content.bytes_max", authorizer => authorizer.Content.BytesMax = 0 },
        { "authorizer.added_fields[0].name", authorizer => authorizer.AddedFields[0].Name = "a b" },
        { "authorizer.added_fields[0].value", authorizer => authorizer.AddedFields[0].Value = "a\r\nb: c" },
        { "authorizer.request_fields[0]", authorizer => authorizer.RequestFields[0] = new Wire.StringMatch() },
        { "not known here", authorizer => authorizer.MergeFrom(new byte[] { 0xFA, 0x07, 0x01, 0x00 }) },
    };

    [Theory]
    [MemberData(nameof(Unreadable), DisableDiscoveryEnumeration = true)]
    public void An_authorizer_that_cannot_be_read_is_not_asked_and_its_policy_denies(string reason, Action<Authorizer> change)
    {
        Authorizer authorizer = Asker();
        change(authorizer);
        Wire.Authorization policy = PolicyOf(new Wire.Match { DestinationPorts = { 80 } });
        policy.Extensions.Add(Extension("mesh-node.io/custom", new CustomAuthorization { Provider = "opa", Authorizer = authorizer }));
        CompiledResource<AuthorizationPolicy> compiled = PolicyCompiler.Compile(policy);

        Assert.True(compiled.IsRefused);
        Assert.Contains(reason, compiled.Refusal, StringComparison.Ordinal);
        Assert.Equal((PolicyAction.Custom, null), (compiled.Value!.Action, compiled.Value.Authorizer));
    }

    private static Authorizer Asker() => new()
    {
        Protocol = Authorizer.Types.Protocol.Grpc,
        Service = "auth/ask",
        Port = 8000,
        Timeout = Duration.FromTimeSpan(TimeSpan.FromSeconds(2)),
        FailOpen = true,
        StatusOnFailure = 503,
        PathPrefix = "/check",
        RequestFields = { new Wire.StringMatch { Prefix = "x-" } },
        AddedFields = { new Authorizer.Types.AddedField { Name = "x-from", Value = "mesh" } },
        UpstreamFields = { new Wire.StringMatch { Suffix = "-user" } },
        AllowedAnswerFields = { Exact("x-told") },
        Content = new Authorizer.Types.CheckedContent { BytesMax = 10, MayBePartial = true, IsRaw = true },
    };

    [Fact]
    public void An_authorizer_without_a_name_refuses_the_policy_and_its_strict_reading_asks_one()
    {
        Wire.Authorization policy = PolicyOf(new Wire.Match { DestinationPorts = { 80 } });
        policy.Extensions.Add(Extension("mesh-node.io/custom", new CustomAuthorization()));
        CompiledResource<AuthorizationPolicy> compiled = PolicyCompiler.Compile(policy);

        Assert.True(compiled.IsRefused);
        Assert.Contains("names no authorizer", compiled.Refusal, StringComparison.Ordinal);
        Assert.Equal(PolicyAction.Custom, compiled.Value!.Action);
    }

    public static TheoryData<string, Wire.Extension[]> Malformed => new()
    {
        { "paths", [Conditions(new MatchConditions { Paths = { Exact("/a"), new Wire.StringMatch() } })] },
        { "not_hosts", [Conditions(new MatchConditions { NotHosts = { new Wire.StringMatch() } })] },
        { "path_templates", [Conditions(new MatchConditions { PathTemplates = { "/a/{*}.txt" } })] },
        { "not_path_templates", [Conditions(new MatchConditions { NotPathTemplates = { "{**}" } })] },
        { "remote_ips", [Conditions(new MatchConditions { RemoteIps = { new Wire.Address { Length = 8 } } })] },
        { "headers", [Conditions(new MatchConditions { Headers = { new HeaderMatch { Values = { Exact("a") } } } })] },
        { "headers", [Conditions(new MatchConditions { Headers = { new HeaderMatch { Name = "a" } } })] },
        { "claims", [Conditions(new MatchConditions { Claims = { new ClaimMatch { Values = { Exact("a") } } } })] },
        { "claims", [Conditions(new MatchConditions { Claims = { new ClaimMatch { Path = { "" }, Values = { Exact("a") } } } })] },
        { "claims", [Conditions(new MatchConditions { Claims = { new ClaimMatch { Path = { "a" } } } })] },
        { "twice", [Conditions(new MatchConditions()), Conditions(new MatchConditions { Methods = { Exact("GET") } })] },
        { "its content is a", [Extension("mesh-node.io/conditions", new CustomAuthorization())] },
        { "its content is a", [new Wire.Extension { Name = "mesh-node.io/conditions" }] },
        { "cannot be decoded", [new Wire.Extension
            {
                Name = "mesh-node.io/conditions",
                Config = new Any { TypeUrl = Any.Pack(new MatchConditions()).TypeUrl, Value = ByteString.CopyFrom(0xFF) },
            }] },
    };

    [Theory]
    [MemberData(nameof(Malformed))]
    public void Malformed_conditions_refuse_the_policy_and_its_strict_reading_has_none_of_them(string reason, Wire.Extension[] extensions)
    {
        var match = new Wire.Match { DestinationPorts = { 80 } };
        match.Extensions.AddRange(extensions);
        CompiledResource<AuthorizationPolicy> compiled = PolicyCompiler.Compile(PolicyOf(match));

        Assert.True(compiled.IsRefused);
        Assert.Contains(reason, compiled.Refusal, StringComparison.Ordinal);
        AuthorizationMatch read = MatchOf(compiled.Value!);
        Assert.Equal([80], read.DestinationPorts);
        Assert.Equal(new AuthorizationMatch { HasUnsupported = true }, read with { DestinationPorts = [] });
    }

    [Fact]
    public void Conditions_of_a_newer_version_are_remarked_and_make_the_policy_stricter()
    {
        byte[] newer = [.. new MatchConditions { Methods = { Exact("GET") } }.ToByteArray(), 0xC8, 0x3E, 0x01];
        CompiledResource<AuthorizationPolicy> compiled = PolicyCompiler.Compile(PolicyOf(new Wire.Match
        {
            DestinationPorts = { 80 },
            Extensions =
            {
                new Wire.Extension
                {
                    Name = "mesh-node.io/conditions",
                    Config = new Any { TypeUrl = Any.Pack(new MatchConditions()).TypeUrl, Value = ByteString.CopyFrom(newer) },
                },
            },
        }));

        Assert.False(compiled.IsRefused);
        Assert.Contains("not known here", compiled.Remark, StringComparison.Ordinal);
        Assert.Equal(new AuthorizationMatch { HasUnsupported = true }, MatchOf(compiled.Value) with { DestinationPorts = [] });
    }

    [Fact]
    public void An_unknown_extension_beside_the_conditions_leaves_them_and_marks_the_match()
    {
        CompiledResource<AuthorizationPolicy> compiled = PolicyCompiler.Compile(PolicyOf(new Wire.Match
        {
            Extensions = { new Wire.Extension { Name = "x" }, Conditions(new MatchConditions { Methods = { Exact("GET") } }), new Wire.Extension { Name = "y" } },
        }));

        Assert.False(compiled.IsRefused);
        AuthorizationMatch match = MatchOf(compiled.Value);
        Assert.True(match.HasUnsupported);
        Assert.Equal([TextMatch.Exact("GET")], match.Request!.Methods);
    }

    private static Wire.Authorization PolicyOf(Wire.Match match) => new()
    {
        Name = "n",
        Namespace = "ns",
        Action = Wire.Action.Deny,
        Rules = { new Wire.Rule { Clauses = { new Wire.Clause { Matches = { match } } } } },
    };

    private static AuthorizationMatch MatchOf(AuthorizationPolicy policy) =>
        Assert.Single(Assert.Single(Assert.Single(policy.Rules).Clauses).Matches);

    private static Wire.Extension Conditions(MatchConditions conditions) => Extension("mesh-node.io/conditions", conditions);

    private static Wire.Extension Extension(string name, IMessage content) => new() { Name = name, Config = Any.Pack(content) };

    private static Wire.StringMatch Exact(string value) => new() { Exact = value };
}
