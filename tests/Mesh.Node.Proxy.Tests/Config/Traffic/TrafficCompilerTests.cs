using System.Text;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Mesh.Api.Traffic;
using Mesh.Node.Model.Routing;
using Mesh.Node.Model.Traffic;
using Mesh.Node.Proxy.Config.Resources;
using Mesh.Node.Proxy.Config.Resources.Traffic;
using Xunit;
using ServiceTraffic = Mesh.Node.Model.Traffic.ServiceTraffic;
using Wire = Mesh.Api.Traffic;

namespace Mesh.Node.Proxy.Tests.Config.Traffic;

public sealed class TrafficCompilerTests
{
    private const string Key = "shop/stock.shop.svc.cluster.local";

    [Fact]
    public void Routes_are_read_whole()
    {
        ServiceTraffic traffic = Compile(With(new Wire.Route
        {
            Name = "shop/stock route[0]",
            Matches =
            {
                new Wire.RouteMatch
                {
                    Path = new Wire.PathMatch { Segments = "/api" },
                    Method = new TextMatch { Exact = "GET" },
                    Headers = { new Wire.HeaderMatch { Name = "X-Debug", Value = new TextMatch { Present = true }, Inverted = true } },
                    Query = { new Wire.QueryMatch { Name = "q", Value = new TextMatch { Pattern = "[0-9]+" } } },
                    Source = new Wire.SourceMatch { Namespace = "web", Workloads = new Workloads { Uids = { "a", "b" } } },
                },
                new Wire.RouteMatch { Path = new Wire.PathMatch { Exact = "/Old", IgnoreCase = true } },
            },
            Forward = new Forward
            {
                Destinations =
                {
                    new Destination { Service = Key, Port = 80, Subset = "v1", Weight = 90 },
                    new Destination
                    {
                        Service = Key,
                        Port = 80,
                        Subset = "v2",
                        Weight = 10,
                        Authority = "v2.example",
                        RequestHeaders = new Wire.HeaderOperations { Set = { new Header { Name = "X-Version", Value = "2" } } },
                    },
                },
                KeepsUnusable = true,
                Rewrite = new Wire.PathRewrite { MatchedPart = "/" },
                Authority = "stock.example",
                Timeout = Duration.FromTimeSpan(TimeSpan.FromSeconds(3)),
                Retries = new RetryPolicy
                {
                    Retries = 3,
                    Conditions = { RetryCondition.ServerError, RetryCondition.StatusCodes },
                    StatusCodes = { 418 },
                    AttemptTimeout = Duration.FromTimeSpan(TimeSpan.FromMilliseconds(250)),
                    RevisitsTried = true,
                },
                Fault = new Fault
                {
                    Delay = new Fault.Types.Delay { Duration = Duration.FromTimeSpan(TimeSpan.FromSeconds(3)), PartsPerMillion = 500_000 },
                    Abort = new Fault.Types.Abort { Grpc = 14, PartsPerMillion = 1 },
                },
                Mirrors = { new Wire.Mirror { Destination = new Destination { Service = Key, Port = 80, Subset = "v3" }, PartsPerMillion = 1_000_000 } },
            },
            RequestHeaders = new Wire.HeaderOperations { Remove = { "X-Secret" }, Add = { new Header { Name = "X-Via", Value = "mesh" } } },
            Cors = new Cors
            {
                AllowOrigins = { new TextMatch { Prefix = "https://" } },
                AllowMethods = { "GET" },
                MaxAge = Duration.FromTimeSpan(TimeSpan.FromHours(24)),
                EndsUnmatchedPreflights = true,
            },
        }));

        Model.Routing.Route route = Assert.Single(traffic.RoutesOf(80, "web")!.Routes);
        Assert.Equal("shop/stock route[0]", route.Name);
        Assert.Equal("segments /api", route.Matches[0].Path!.ToString());
        Assert.Equal("exact GET", route.Matches[0].Method!.ToString());
        Assert.Equal("without x-debug present", Assert.Single(route.Matches[0].Headers).ToString());
        Assert.Equal("query q pattern [0-9]+", Assert.Single(route.Matches[0].Query).ToString());
        Assert.Equal(["a", "b"], route.Matches[0].Source!.Workloads!.Order());
        Assert.True(route.Matches[1].Path!.Matches("/oLD"u8));

        ForwardAction forward = Assert.IsType<ForwardAction>(route.Action);
        Assert.True(forward.Destinations.KeepsUnusable);
        Assert.Equal([("v1", 90u), ("v2", 10u)], forward.Destinations.Destinations.Select(to => (to.Subset, to.Weight)));
        Assert.Equal("x-version: 2", Assert.Single(forward.Destinations.Destinations[1].RequestHeaders.Set).ToString());
        Assert.Equal([null, "v2.example"], forward.Destinations.Destinations.Select(to => to.Authority));
        Assert.Equal(("/", true), (forward.Rewrite!.Replacement, forward.Rewrite.ReplacesPrefix));
        Assert.Equal("stock.example", forward.Authority);
        Assert.Equal(TimeSpan.FromSeconds(3), forward.Timeout);
        Assert.Equal(3, forward.Retries.Retries);
        Assert.Equal(Model.Retries.RetryConditions.ServerError | Model.Retries.RetryConditions.StatusCodes, forward.Retries.Conditions);
        Assert.Equal([418], forward.Retries.StatusCodes);
        Assert.Equal(TimeSpan.FromMilliseconds(250), forward.Retries.AttemptTimeout);
        Assert.Equal(TimeSpan.FromMilliseconds(25), forward.Retries.BackoffBase);
        Assert.False(forward.Retries.AvoidsTried);
        Assert.Equal(new FaultDelay(TimeSpan.FromSeconds(3), new Share(500_000)), forward.Fault!.Delay);
        Assert.Equal(new FaultAbort(null, 14, new Share(1)), forward.Fault.Abort);
        Assert.Equal(("v3", Share.All), (forward.Mirrors[0].Destination.Subset, forward.Mirrors[0].Share));
        Assert.Equal("x-secret", Assert.Single(route.RequestHeaders.Remove).Text);
        Assert.Equal("x-via: mesh", Assert.Single(route.RequestHeaders.Add).ToString());
        Assert.Same(Model.Routing.HeaderOperations.None, route.ResponseHeaders);
        Assert.Equal((TimeSpan.FromDays(1), false), (route.Cors!.MaxAge, route.Cors.ForwardsUnmatchedPreflights));
        Assert.True(route.Cors.AllowsOrigin("https://x"u8));
    }

    [Fact]
    public void Values_of_headers_are_read_in_parts_and_refused_where_a_part_is_unknown()
    {
        Model.Routing.HeaderField field = Assert.Single(Compile(WithParts(
            new Wire.ValuePart { Text = "from " },
            new Wire.ValuePart { Operator = Wire.ValuePart.Types.Operator.RequestField, Text = "X-User", Alternative = ":path", BytesMax = 9 },
            new Wire.ValuePart { Operator = Wire.ValuePart.Types.Operator.UpstreamAddress })).RoutesOf(80, "any")!.Routes[0].RequestHeaders.Set);
        Assert.Equal(
            [Model.Routing.ValueOperator.Text, Model.Routing.ValueOperator.RequestField, Model.Routing.ValueOperator.UpstreamAddress],
            field.Parts.Select(part => part.Operator));
        Assert.Equal("from ", Encoding.UTF8.GetString(field.Parts[0].Text.Span));
        Assert.Equal(("x-user", ":path", 9), (field.Parts[1].Field!.Text, field.Parts[1].Alternative!.Text, field.Parts[1].BytesMax));
        foreach (Wire.ValuePart wrong in (Wire.ValuePart[])
        [
            new() { Operator = (Wire.ValuePart.Types.Operator)99 },
            new() { Text = "a\r\nb: c" },
            new() { Operator = Wire.ValuePart.Types.Operator.RequestField, Text = "a b" },
            new() { Operator = Wire.ValuePart.Types.Operator.ResponseField, Text = "a", BytesMax = 20_000 },
        ])
        {
            Assert.Contains(
                "request_headers.set[0].parts[0]", TrafficCompiler.Compile(WithParts(wrong)).Refusal, StringComparison.Ordinal);
        }

        static Wire.ServiceTraffic WithParts(params Wire.ValuePart[] parts) => With(new Wire.Route
        {
            DirectResponse = new DirectResponse { Status = 204 },
            RequestHeaders = new Wire.HeaderOperations { Set = { new Header { Name = "x-told", Parts = { parts } } } },
        });
    }

    [Fact]
    public void Answers_of_the_proxys_own_are_read_whole()
    {
        Model.Routing.RouteTable table = Compile(With(
            new Wire.Route
            {
                Redirect = new Redirect
                {
                    Status = 308,
                    Scheme = "https",
                    Host = "elsewhere.example",
                    Path = new Wire.PathRewrite { Whole = "/new" },
                    Port = 8443,
                },
            },
            new Wire.Route { Redirect = new Redirect { Status = 301, RequestPort = true } },
            new Wire.Route { DirectResponse = new DirectResponse { Status = 503, Body = ByteString.CopyFromUtf8("closed") } }))
            .RoutesOf(80, "any")!;

        RedirectAction first = Assert.IsType<RedirectAction>(table.Routes[0].Action);
        Assert.Equal((308, "https", "elsewhere.example", RedirectPort.Given, 8443), (first.Status, first.Scheme, first.Host, first.PortFrom, (int)first.Port));
        Assert.Equal("/new", first.Path!.Replacement);
        RedirectAction second = Assert.IsType<RedirectAction>(table.Routes[1].Action);
        Assert.Equal((301, null, null, RedirectPort.OfRequest), (second.Status, second.Scheme, second.Host, second.PortFrom));
        DirectResponseAction response = Assert.IsType<DirectResponseAction>(table.Routes[2].Action);
        Assert.Equal((503, "closed"), (response.Status, Encoding.UTF8.GetString(response.Body.AsSpan())));
    }

    [Fact]
    public void Policies_are_read_whole_and_what_is_absent_is_the_default()
    {
        var wire = new Wire.TrafficPolicy
        {
            Balancing = new Balancing
            {
                Algorithm = Balancing.Types.Algorithm.ConsistentHash,
                Hash = new Hash
                {
                    Cookie = new Hash.Types.Cookie { Name = "user", Path = "/", Ttl = Duration.FromTimeSpan(TimeSpan.Zero) },
                    MaglevSize = 65_537,
                },
            },
            Limits = new Wire.ConnectionLimits
            {
                MaxConnections = 1,
                ConnectTimeout = Duration.FromTimeSpan(TimeSpan.FromSeconds(1)),
                HttpIdleTimeout = Duration.FromTimeSpan(TimeSpan.Zero),
                MaxPendingRequests = 0,
                MaxRequestsPerConnection = 1,
                RetryBudget = new Wire.RetryBudget { Percent = 25, RetriesMin = 5 },
                Http2Upgrade = Wire.ConnectionLimits.Types.Http2Upgrade.Always,
                Http2KeepAlive = new Wire.Http2KeepAlive
                {
                    Interval = Duration.FromTimeSpan(TimeSpan.FromSeconds(30)),
                    Timeout = Duration.FromTimeSpan(TimeSpan.FromSeconds(5)),
                },
            },
            Outliers = new Outliers { Consecutive5Xx = 0, ConsecutiveGatewayErrors = 3, MaxEjectionPercent = 100 },
            PanicPercent = 30,
            PrefersNear = true,
        };

        Model.Traffic.TrafficPolicy policy = Compile(WithPolicy(wire)).PolicyOf(80, "", "any");

        HashPolicy hash = policy.Balancing.Hash!;
        Assert.Equal((HashKey.Cookie, "user", "/", TimeSpan.Zero), (hash.Key, hash.Name, hash.CookiePath, hash.CookieTtl));
        Assert.Equal((HashTableKind.Maglev, 65_537), (hash.Table, hash.TableSize));
        Model.Traffic.ConnectionLimits limits = policy.Limits;
        Assert.Equal((1u, 0u, 1u), (limits.MaxConnections, limits.MaxPendingRequests, limits.MaxRequestsPerConnection));
        Assert.Equal((uint.MaxValue, uint.MaxValue), (limits.MaxRequests, limits.MaxRetries));
        Assert.Equal((TimeSpan.FromSeconds(1), null, TimeSpan.FromHours(1)), (limits.ConnectTimeout, limits.HttpIdleTimeout, limits.TcpIdleTimeout));
        Assert.Equal(new Model.Traffic.RetryBudget(25, 5), limits.RetryBudget);
        Assert.Equal(Http2Upgrade.Always, limits.Http2Upgrade);
        Assert.Equal(new Model.Traffic.Http2KeepAlive(TimeSpan.FromSeconds(30), TimeSpan.FromSeconds(5)), limits.KeepAlive);
        Assert.Equal(
            new Model.Outliers.OutlierOptions { Consecutive5xx = 0, ConsecutiveGatewayErrors = 3, MaxEjectionPercent = 100 }, policy.Outliers);
        Assert.Equal((30, true), (policy.PanicPercent, policy.PrefersNear));
        Assert.Equal(Model.Traffic.TrafficPolicy.Default, Compile(WithPolicy(new Wire.TrafficPolicy())).PolicyOf(80, "", "any"));
        Assert.Equal(
            new Model.Outliers.OutlierOptions(),
            Compile(WithPolicy(new Wire.TrafficPolicy { Outliers = new Outliers() })).PolicyOf(80, "", "any").Outliers);
    }

    [Fact]
    public void Scopes_ports_and_subsets_are_kept_apart()
    {
        ServiceTraffic traffic = Compile(new Wire.ServiceTraffic
        {
            Namespace = "shop",
            Hostname = "stock.shop.svc.cluster.local",
            Scopes =
            {
                new Wire.TrafficScope
                {
                    Policies = new Wire.PortPolicies
                    {
                        Others = Balanced(Balancing.Types.Algorithm.Random),
                        ByPort = { new PortPolicy { Port = 81, Policy = Balanced(Balancing.Types.Algorithm.RoundRobin) } },
                    },
                    Subsets =
                    {
                        new Subset { Name = "v1", Key = "shop/stock/v1", Policies = new Wire.PortPolicies { Others = Balanced(Balancing.Types.Algorithm.Passthrough) } },
                    },
                },
                new Wire.TrafficScope { ClientNamespace = "web", Ports = { new PortRoutes { Port = 80 } } },
            },
        });

        Assert.Equal(Key, traffic.ServiceKey);
        Assert.Equal(BalancingAlgorithm.Random, traffic.PolicyOf(80, "", "any").Balancing.Algorithm);
        Assert.Equal(BalancingAlgorithm.RoundRobin, traffic.PolicyOf(81, "", "any").Balancing.Algorithm);
        Assert.Equal(BalancingAlgorithm.Passthrough, traffic.PolicyOf(81, "v1", "any").Balancing.Algorithm);
        Assert.Equal(BalancingAlgorithm.LeastRequest, traffic.PolicyOf(81, "v1", "web").Balancing.Algorithm);
        Assert.True(traffic.Everyone.TryGetSubset("v1", out TrafficSubset? subset));
        Assert.Equal("shop/stock/v1", subset.Key);
        Assert.Null(traffic.RoutesOf(80, "any"));
        Assert.Empty(traffic.RoutesOf(80, "web")!.Routes);
    }

    [Fact]
    public void TLS_towards_servers_outside_arrives_whole_or_is_refused()
    {
        var wire = new Wire.TrafficPolicy
        {
            Tls = new Wire.TlsOrigination
            {
                ServerName = "s",
                AcceptedNames = { "a", "b" },
                SkipVerification = true,
                RootsFile = "r",
                RevocationsFile = "l",
                CertificateFile = "c",
                PrivateKeyFile = "k",
            },
        };
        Model.Traffic.TlsOrigination tls = Compile(WithPolicy(wire)).PolicyOf(80, "", "any").Tls!;
        Assert.Equal(("s", true, "r", "l", "c", "k"), (tls.ServerName, tls.SkipsVerification, tls.RootsFile, tls.RevocationsFile, tls.CertificateFile, tls.KeyFile));
        Assert.Equal(["a", "b"], tls.AcceptedNames);

        // The same once more is equal, so that connections are shared; another is not.
        Assert.Equal(tls, Compile(WithPolicy(wire.Clone())).PolicyOf(80, "", "any").Tls);
        wire.Tls.AcceptedNames.Add("c");
        Assert.NotEqual(tls, Compile(WithPolicy(wire)).PolicyOf(80, "", "any").Tls);
        wire.Tls.PrivateKeyFile = "";
        Assert.Contains("private_key_file", TrafficCompiler.Compile(WithPolicy(wire)).Refusal, StringComparison.Ordinal);
    }

    private static Wire.TrafficPolicy Balanced(Balancing.Types.Algorithm algorithm) => new() { Balancing = new Balancing { Algorithm = algorithm } };

    private static ServiceTraffic Compile(Wire.ServiceTraffic wire)
    {
        CompiledResource<ServiceTraffic> compiled = TrafficCompiler.Compile(wire);
        Assert.False(compiled.IsRefused, compiled.Refusal);
        return compiled.Value;
    }

    private static Wire.ServiceTraffic With(params Wire.Route[] routes) => new()
    {
        Namespace = "shop",
        Hostname = "stock.shop.svc.cluster.local",
        Scopes = { new Wire.TrafficScope { Ports = { new PortRoutes { Port = 80, Routes = { routes } } } } },
    };

    private static Wire.ServiceTraffic WithPolicy(Wire.TrafficPolicy policy) => new()
    {
        Namespace = "shop",
        Hostname = "stock.shop.svc.cluster.local",
        Scopes = { new Wire.TrafficScope { Policies = new Wire.PortPolicies { Others = policy } } },
    };
}
