using Google.Protobuf.WellKnownTypes;
using Mesh.Control.Model.Traffic;
using Wire = Mesh.Api.Traffic;

namespace Mesh.Control.Serving.Xds;

/// <summary>Traffic of the model as <c>mesh.node.v1.ServiceTraffic</c> resources. Pure.</summary>
internal static class TrafficCompiler
{
    public static ServedResource Compile(ServiceTraffic traffic)
    {
        var message = new Wire.ServiceTraffic { Namespace = traffic.Service.Namespace, Hostname = traffic.Service.Hostname };
        foreach (TrafficScope scope in traffic.Scopes)
        {
            var wire = new Wire.TrafficScope { ClientNamespace = scope.ClientNamespace, Policies = PoliciesOf(scope.Policies) };
            foreach (PortRoutes port in scope.Ports)
            {
                var routes = new Wire.PortRoutes { Port = (uint)port.Port };
                routes.Routes.AddRange(port.Routes.Select(RouteCompiler.WireOf));
                wire.Ports.Add(routes);
            }

            wire.Connections.AddRange(scope.Connections.Select(RouteCompiler.WireOf));
            wire.Subsets.AddRange(scope.Subsets.Select(subset => new Wire.Subset
            {
                Name = subset.Name,
                Key = subset.Key,
                Policies = PoliciesOf(subset.Policies),
            }));
            message.Scopes.Add(wire);
        }

        return ServedResource.Of(TypeUrls.Traffic, traffic.Service.ToString(), message);
    }

    private static Wire.PortPolicies? PoliciesOf(PortPolicies policies)
    {
        if (policies.ByPort.IsEmpty && policies.Others == TrafficPolicy.Default)
        {
            return null;
        }

        var wire = new Wire.PortPolicies { Others = WireOf(policies.Others) };
        wire.ByPort.AddRange(policies.ByPort.Select(
            entry => new Wire.PortPolicy { Port = (uint)entry.Port, Policy = WireOf(entry.Policy) }));
        return wire;
    }

    private static Wire.TrafficPolicy WireOf(TrafficPolicy policy) => new()
    {
        Balancing = policy.Balancing is null ? null : WireOf(policy.Balancing),
        Limits = policy.Limits is null ? null : WireOf(policy.Limits),
        Outliers = policy.Outliers is null ? null : WireOf(policy.Outliers),
        PanicPercent = (uint)policy.PanicPercent,
        PrefersNear = policy.PrefersNear,
        Tls = policy.Tls is null ? null : WireOf(policy.Tls),
    };

    private static Wire.TlsOrigination WireOf(TlsOrigination tls)
    {
        var wire = new Wire.TlsOrigination
        {
            ServerName = tls.ServerName,
            SkipVerification = tls.SkipsVerification,
            RootsFile = tls.RootsFile,
            RevocationsFile = tls.RevocationsFile,
            CertificateFile = tls.CertificateFile,
            PrivateKeyFile = tls.PrivateKeyFile,
        };
        wire.AcceptedNames.AddRange(tls.AcceptedNames);
        return wire;
    }

    private static Wire.Balancing WireOf(BalancingPolicy balancing) => new()
    {
        Algorithm = balancing.Algorithm switch
        {
            BalancingAlgorithm.RoundRobin => Wire.Balancing.Types.Algorithm.RoundRobin,
            BalancingAlgorithm.Random => Wire.Balancing.Types.Algorithm.Random,
            BalancingAlgorithm.Passthrough => Wire.Balancing.Types.Algorithm.Passthrough,
            BalancingAlgorithm.ConsistentHash => Wire.Balancing.Types.Algorithm.ConsistentHash,
            _ => Wire.Balancing.Types.Algorithm.LeastRequest,
        },
        Hash = balancing.Hash is null ? null : WireOf(balancing.Hash),
        Warmup = balancing.Warmup is { } warmup
            ? new Wire.Warmup
            {
                Duration = Duration.FromTimeSpan(warmup.Duration),
                MinimumPercent = warmup.MinimumPercent,
                Aggression = warmup.Aggression,
            }
            : null,
    };

    private static Wire.Hash WireOf(HashPolicy hash)
    {
        var wire = new Wire.Hash();
        switch (hash.Kind)
        {
            case HashKeyKind.Header:
                wire.Header = hash.Name;
                break;
            case HashKeyKind.Cookie:
                wire.Cookie = new Wire.Hash.Types.Cookie { Name = hash.Name, Path = hash.CookiePath, Ttl = Time(hash.CookieTtl) };
                break;
            case HashKeyKind.QueryParameter:
                wire.QueryParameter = hash.Name;
                break;
            default:
                wire.SourceAddress = true;
                break;
        }

        if (hash.TableSize is { } size)
        {
            if (hash.IsMaglev)
            {
                wire.MaglevSize = (uint)size;
            }
            else
            {
                wire.RingSizeMin = (uint)size;
            }
        }

        return wire;
    }

    private static Wire.ConnectionLimits WireOf(ConnectionLimits limits)
    {
        var wire = new Wire.ConnectionLimits
        {
            ConnectTimeout = Time(limits.ConnectTimeout),
            TcpIdleTimeout = Time(limits.TcpIdleTimeout),
            HttpIdleTimeout = Time(limits.HttpIdleTimeout),
            MaxConnectionDuration = Time(limits.MaxConnectionDuration),
            MaxRequestsPerConnection = limits.MaxRequestsPerConnection,
            RetryBudget = limits.RetryBudget is { } budget
                ? new Wire.RetryBudget { Percent = budget.Percent, RetriesMin = budget.RetriesMin }
                : null,
            Http2Upgrade = limits.Http2Upgrade switch
            {
                Http2Upgrade.Never => Wire.ConnectionLimits.Types.Http2Upgrade.Never,
                Http2Upgrade.Always => Wire.ConnectionLimits.Types.Http2Upgrade.Always,
                _ => Wire.ConnectionLimits.Types.Http2Upgrade.ByPort,
            },
            UseClientProtocol = limits.UsesClientProtocol,
            Http2KeepAlive = limits.KeepAlive is { } keepAlive
                ? new Wire.Http2KeepAlive { Interval = Time(keepAlive.Interval), Timeout = Time(keepAlive.Timeout) }
                : null,
        };
        Set(limits.MaxConnections, value => wire.MaxConnections = value);
        Set(limits.MaxPendingRequests, value => wire.MaxPendingRequests = value);
        Set(limits.MaxRequests, value => wire.MaxRequests = value);
        Set(limits.MaxRetries, value => wire.MaxRetries = value);
        Set(limits.MaxConcurrentStreams, value => wire.MaxConcurrentStreams = value);
        return wire;
    }

    private static Wire.Outliers WireOf(OutlierPolicy outliers)
    {
        var wire = new Wire.Outliers
        {
            SplitLocalOrigin = outliers.SplitsLocalOrigin,
            Interval = Time(outliers.Interval),
            BaseEjection = Time(outliers.BaseEjection),
        };
        Set(outliers.Consecutive5xx, value => wire.Consecutive5Xx = value);
        Set(outliers.ConsecutiveGatewayErrors, value => wire.ConsecutiveGatewayErrors = value);
        Set(outliers.ConsecutiveLocalOriginFailures, value => wire.ConsecutiveLocalOriginFailures = value);
        Set((uint?)outliers.MaxEjectionPercent, value => wire.MaxEjectionPercent = value);
        return wire;
    }

    private static void Set(uint? value, Action<uint> set)
    {
        if (value is { } there)
        {
            set(there);
        }
    }

    internal static Duration? Time(TimeSpan? time) => time is { } there ? Duration.FromTimeSpan(there) : null;
}
