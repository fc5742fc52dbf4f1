using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Mesh.Api.Traffic;
using Mesh.Node.Proxy.Config.Resources.Traffic;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Config.Traffic;

/// <summary>Every resource here is refused, with the field that is wrong.</summary>
public sealed class TrafficRefusalTests
{
    private const string InRoute = "scopes[0].ports[0].routes[0].";
    private const string InPolicy = "scopes[0].policies.others.";

    [Fact]
    public void What_is_not_as_it_must_be_is_refused_with_its_field()
    {
        (Action<ServiceTraffic> Change, string Expected)[] cases =
        [
            (traffic => traffic.Namespace = "", "namespace: it has none"),
            (traffic => traffic.Hostname = "", "hostname: it has none"),
            (traffic => traffic.Scopes.Add(new TrafficScope()), "scopes[1].client_namespace: '' has two scopes"),
            (traffic => Ports(traffic)[0].Port = 0, "scopes[0].ports[0].port: 0 is not a port"),
            (traffic => Ports(traffic)[0].Port = 65_536, "scopes[0].ports[0].port: 65536 is not a port"),
            (traffic => Ports(traffic).Add(new PortRoutes { Port = 80 }), "scopes[0].ports[1].port: 80 is there twice"),
            (traffic => traffic.Scopes[0].Subsets.Add(new Subset { Key = "k" }), "scopes[0].subsets[0].name: it has none"),
            (traffic => traffic.Scopes[0].Subsets.Add(new Subset { Name = "v1" }), "scopes[0].subsets[0].key: it has none"),
            (
                traffic => traffic.Scopes[0].Subsets.AddRange([new Subset { Name = "v", Key = "k" }, new Subset { Name = "v", Key = "l" }]),
                "scopes[0].subsets[1].name: 'v' is there twice"),
        ];
        AssertRefused(cases);
    }

    [Fact]
    public void Routes_that_could_be_misunderstood_are_refused_with_the_field()
    {
        (Action<Route> Change, string Expected)[] cases =
        [
            (route => route.ClearAction(), "scopes[0].ports[0].routes[0]: it does not say what becomes of requests"),
            (route => route.Forward.Destinations.Clear(), "forward.destinations: there is none"),
            (route => route.Forward.Destinations[0].Port = 0, "forward.destinations[0].port: 0 is not a port"),
            (route => route.Forward.Timeout = new Duration(), "forward.timeout: 00:00:00 is less than a millisecond"),
            (route => route.Forward.Timeout = new Duration { Seconds = -1 }, "forward.timeout: -1 s"),
            (route => route.Forward.Timeout = new Duration { Seconds = long.MaxValue }, "forward.timeout: 9223372036854775807 s"),
            (route => route.Forward.Rewrite = new PathRewrite(), "forward.rewrite: it does not say"),
            (route => route.Forward.Rewrite = new PathRewrite { Whole = "/a\r\nx: y" }, "forward.rewrite.whole: it has control characters"),
            (route => route.Forward.Rewrite = new PathRewrite { Matches = new PatternSubstitution { Pattern = "(" } }, "forward.rewrite.matches.pattern: not a regular"),
            (route => route.Forward.Destinations[0].Authority = "a\nb", "forward.destinations[0].authority: it has control characters"),
            (route => route.Forward.Authority = "a\nb", "forward.authority: it has control characters"),
            (route => route.Forward.Retries = new RetryPolicy { Conditions = { (RetryCondition)99 } }, "forward.retries.conditions[0]: 99 is not known here"),
            (route => route.Forward.Retries = new RetryPolicy { Conditions = { RetryCondition.Unspecified } }, "forward.retries.conditions[0]: 0 is not known here"),
            (route => route.Forward.Retries = new RetryPolicy { Retries = 101 }, "forward.retries.retries: 101 is not from 0 to 100"),
            (route => route.Forward.Retries = new RetryPolicy { StatusCodes = { 99 } }, "forward.retries.status_codes[0]: 99 is not from 100 to 599"),
            (route => route.Forward.Fault = new Fault(), "forward.fault: it has neither a delay nor an abort"),
            (route => route.Forward.Fault = new Fault { Delay = new Fault.Types.Delay() }, "forward.fault.delay.duration: there is none"),
            (route => route.Forward.Fault = new Fault { Abort = new Fault.Types.Abort() }, "forward.fault.abort: it has no status"),
            (route => route.Forward.Fault = new Fault { Abort = new Fault.Types.Abort { Http = 199 } }, "forward.fault.abort.http: 199"),
            (route => route.Forward.Fault = new Fault { Abort = new Fault.Types.Abort { Grpc = 17 } }, "forward.fault.abort.grpc: 17"),
            (route => route.Forward.Mirrors.Add(new Mirror()), "forward.mirrors[0].destination: there is none"),
            (
                route => route.Forward.Mirrors.Add(new Mirror { Destination = new Destination(), PartsPerMillion = 1_000_001 }),
                "forward.mirrors[0].parts_per_million: 1000001"),
            (route => route.Redirect = new Redirect { Status = 304 }, "redirect.status: 304 is no status of a redirect"),
            (route => route.Redirect = new Redirect { Status = 301, Scheme = "ftp" }, "redirect.scheme: 'ftp'"),
            (route => route.Redirect = new Redirect { Status = 301, Port = 70_000 }, "redirect.port: 70000"),
            (route => route.DirectResponse = new DirectResponse { Status = 600 }, "direct_response.status: 600"),
            (
                route => route.DirectResponse = new DirectResponse { Status = 200, Body = ByteString.CopyFrom(new byte[(1024 * 1024) + 1]) },
                "direct_response.body: 1048577 bytes"),
            (route => route.RequestHeaders = new HeaderOperations { Remove = { "Host" } }, "request_headers.remove[0]: Host is not a route's to change"),
            (
                route => route.RequestHeaders = new HeaderOperations { Set = { new Header { Name = "Transfer-Encoding", Value = "chunked" } } },
                "request_headers.set[0].name: Transfer-Encoding is not a route's to change"),
            (
                route => route.ResponseHeaders = new HeaderOperations { Add = { new Header { Name = "a b", Value = "" } } },
                "response_headers.add[0].name: 'a b' is no name of a header"),
            (
                route => route.ResponseHeaders = new HeaderOperations { Add = { new Header { Name = "a", Value = "x\r\nset-cookie: y" } } },
                "response_headers.add[0].value: it has control characters"),
            (route => route.Cors = new Cors { AllowOrigins = { new TextMatch() } }, "cors.allow_origins[0]: it does not say"),
            (route => route.Cors = new Cors { AllowMethods = { "GET\r" } }, "cors.allow_methods[0]: it has control characters"),
        ];
        AssertRefused(cases.Select(entry => ((Action<ServiceTraffic>)(traffic => entry.Change(Ports(traffic)[0].Routes[0])), entry.Expected)));
    }

    [Fact]
    public void Matches_that_could_be_misunderstood_are_refused_with_the_field()
    {
        (RouteMatch Match, string Expected)[] cases =
        [
            (new RouteMatch { Path = new PathMatch() }, "path: it does not say"),
            (new RouteMatch { Path = new PathMatch { Segments = "/a", IgnoreCase = true } }, "path.ignore_case"),
            (new RouteMatch { Path = new PathMatch { Pattern = "(" } }, "path.pattern: not a regular expression"),
            (new RouteMatch { Method = new TextMatch() }, "method: it does not say"),
            (new RouteMatch { Method = new TextMatch { Present = false } }, "method: it does not say"),
            (new RouteMatch { Authority = new TextMatch { Pattern = "a", IgnoreCase = true } }, "authority.ignore_case"),
            (new RouteMatch { Headers = { new HeaderMatch { Name = "a" } } }, "headers[0].value: there is none"),
            (new RouteMatch { Headers = { new HeaderMatch { Value = new TextMatch { Present = true } } } }, "headers[0].name: '' is no name"),
            (new RouteMatch { Query = { new QueryMatch { Value = new TextMatch { Present = true } } } }, "query[0].name: there is none"),
            (new RouteMatch { Source = new SourceMatch() }, "source: it says nothing of who asks"),
        ];
        AssertRefused(cases.Select(entry => (
            (Action<ServiceTraffic>)(traffic => Ports(traffic)[0].Routes[0].Matches.Add(entry.Match)), $"{InRoute}matches[0].{entry.Expected}")));
    }

    [Fact]
    public void Policies_that_could_be_misunderstood_are_refused_with_the_field()
    {
        (TrafficPolicy Policy, string Expected)[] cases =
        [
            (Balanced(new Balancing { Algorithm = (Balancing.Types.Algorithm)9 }), "balancing.algorithm: 9 is not known here"),
            (Balanced(new Balancing { Algorithm = Balancing.Types.Algorithm.ConsistentHash }), "balancing.hash: it belongs"),
            (Balanced(new Balancing { Hash = new Hash { SourceAddress = true } }), "balancing.hash: it belongs"),
            (Balanced(new Balancing { Algorithm = Balancing.Types.Algorithm.Random, Warmup = new Warmup() }), "balancing.warmup: it belongs"),
            (Balanced(new Balancing { Warmup = new Warmup() }), "balancing.warmup.duration: there is none"),
            (Hashed(new Hash()), "balancing.hash: it does not say what is hashed"),
            (Hashed(new Hash { QueryParameter = "" }), "balancing.hash: it does not say what is hashed"),
            (Hashed(new Hash { SourceAddress = false }), "balancing.hash: it does not say what is hashed"),
            (Hashed(new Hash { Header = "a:b" }), "balancing.hash.header: 'a:b' is no name"),
            (Hashed(new Hash { Cookie = new Hash.Types.Cookie { Name = "a", Path = "/;x" } }), "balancing.hash.cookie.path: it has a semicolon"),
            (Hashed(new Hash { SourceAddress = true, MaglevSize = 65_536 }), "balancing.hash.maglev_size: 65536 is no prime"),
            (Hashed(new Hash { SourceAddress = true, MaglevSize = 5_000_012 }), "balancing.hash.maglev_size: 5000012"),
            (Hashed(new Hash { SourceAddress = true, RingSizeMin = 0 }), "balancing.hash.ring_size_min: 0"),
            (Hashed(new Hash { SourceAddress = true, RingSizeMin = 8_388_609 }), "balancing.hash.ring_size_min: 8388609"),
            (new TrafficPolicy { Limits = new ConnectionLimits { ConnectTimeout = new Duration() } }, "limits.connect_timeout"),
            (new TrafficPolicy { Limits = new ConnectionLimits { MaxConcurrentStreams = 0 } }, "limits.max_concurrent_streams: 0"),
            (new TrafficPolicy { Limits = new ConnectionLimits { Http2Upgrade = (ConnectionLimits.Types.Http2Upgrade)9 } }, "limits.http2_upgrade: 9"),
            (new TrafficPolicy { Limits = new ConnectionLimits { Http2KeepAlive = new Http2KeepAlive() } }, "limits.http2_keep_alive.interval"),
            (new TrafficPolicy { Limits = new ConnectionLimits { RetryBudget = new RetryBudget { Percent = 101 } } }, "limits.retry_budget.percent"),
            (new TrafficPolicy { Limits = new ConnectionLimits { RetryBudget = new RetryBudget { Percent = double.NaN } } }, "limits.retry_budget.percent"),
            (new TrafficPolicy { Outliers = new Outliers { MaxEjectionPercent = 101 } }, "outliers.max_ejection_percent: 101"),
            (new TrafficPolicy { Outliers = new Outliers { Interval = new Duration() } }, "outliers.interval"),
            (new TrafficPolicy { PanicPercent = 101 }, "panic_percent: 101"),
        ];
        AssertRefused(cases.Select(entry => (
            (Action<ServiceTraffic>)(traffic => traffic.Scopes[0].Policies.Others = entry.Policy), $"{InPolicy}{entry.Expected}")));
    }

    [Fact]
    public void Fields_of_a_newer_control_plane_are_refused_with_their_numbers_and_place()
    {
        // Field 99, a varint: as a newer version might have it.
        byte[] unknown = [0x98, 0x06, 0x01];
        (Func<ServiceTraffic> Make, string Expected)[] cases =
        [
            (() => Appended(Sound(), unknown), "field 99 is not known here"),
            (() => Changed(traffic => traffic.Scopes[0] = Appended(traffic.Scopes[0], unknown)), "scopes[0]: field 99 is not known here"),
            (
                () => Changed(traffic => Ports(traffic)[0].Routes[0] = Appended(Ports(traffic)[0].Routes[0], unknown)),
                "scopes[0].ports[0].routes[0]: field 99 is not known here"),
            (
                () => Changed(traffic => Ports(traffic)[0].Routes[0].Forward = Appended(Ports(traffic)[0].Routes[0].Forward, unknown)),
                "scopes[0].ports[0].routes[0]: what it holds has fields that are not known here"),
            (
                () => Changed(traffic => traffic.Scopes[0].Policies.Others = Appended(new TrafficPolicy(), unknown)),
                "scopes[0]: what it holds has fields that are not known here"),
            (
                () => Changed(traffic => traffic.Scopes[0].Subsets.Add(Appended(new Subset { Name = "v", Key = "k" }, unknown))),
                "scopes[0].subsets[0]: field 99 is not known here"),
        ];
        foreach ((Func<ServiceTraffic> make, string expected) in cases)
        {
            Assert.Equal(expected, TrafficCompiler.Compile(make()).Refusal);
        }
    }

    private static void AssertRefused(IEnumerable<(Action<ServiceTraffic> Change, string Expected)> cases)
    {
        foreach ((Action<ServiceTraffic> change, string expected) in cases)
        {
            string? refusal = TrafficCompiler.Compile(Changed(change)).Refusal;
            Assert.True(refusal is not null, $"Taken, though: {expected}");
            Assert.Contains(expected, refusal, StringComparison.Ordinal);
            Assert.True(!expected.StartsWith("scopes", StringComparison.Ordinal) || refusal.StartsWith(expected, StringComparison.Ordinal), refusal);
        }
    }

    private static ServiceTraffic Changed(Action<ServiceTraffic> change)
    {
        ServiceTraffic traffic = Sound();
        Assert.Null(TrafficCompiler.Compile(traffic).Refusal);
        change(traffic);
        return traffic;
    }

    private static ServiceTraffic Sound() => new()
    {
        Namespace = "shop",
        Hostname = "stock",
        Scopes =
        {
            new TrafficScope
            {
                Ports =
                {
                    new PortRoutes
                    {
                        Port = 80,
                        Routes = { new Route { Forward = new Forward { Destinations = { new Destination { Service = "shop/stock", Port = 80 } } } } },
                    },
                },
                Policies = new PortPolicies(),
            },
        },
    };

    private static Google.Protobuf.Collections.RepeatedField<PortRoutes> Ports(ServiceTraffic traffic) => traffic.Scopes[0].Ports;

    private static TrafficPolicy Balanced(Balancing balancing) => new() { Balancing = balancing };

    private static TrafficPolicy Hashed(Hash hash) =>
        Balanced(new Balancing { Algorithm = Balancing.Types.Algorithm.ConsistentHash, Hash = hash });

    private static T Appended<T>(T message, byte[] bytes)
        where T : IMessage<T>, new()
    {
        var parser = new MessageParser<T>(() => new T());
        return parser.ParseFrom([.. message.ToByteArray(), .. bytes]);
    }
}
