using Google.Protobuf;
using Mesh.Control.Model.Traffic;
using Wire = Mesh.Api.Traffic;

namespace Mesh.Control.Serving.Xds;

/// <summary>Routes of the model as parts of <c>mesh.node.v1.ServiceTraffic</c>. Pure.</summary>
internal static class RouteCompiler
{
    public static Wire.Route WireOf(Route route)
    {
        var wire = new Wire.Route
        {
            Name = route.Name,
            RequestHeaders = WireOf(route.RequestHeaders),
            ResponseHeaders = WireOf(route.ResponseHeaders),
            Cors = route.Cors is null ? null : WireOf(route.Cors),
        };
        wire.Matches.AddRange(route.Matches.Select(WireOf));
        switch (route.Action)
        {
            case ForwardAction forward:
                wire.Forward = WireOf(forward);
                break;
            case RedirectAction redirect:
                wire.Redirect = WireOf(redirect);
                break;
            case DirectResponseAction response:
                wire.DirectResponse = new Wire.DirectResponse
                {
                    Status = (uint)response.Status,
                    Body = ByteString.CopyFrom(response.Body.AsSpan()),
                };
                break;
            default:
                throw new InvalidOperationException($"{route.Action.GetType().Name} has no form on the wire.");
        }

        return wire;
    }

    private static Wire.RouteMatch WireOf(RouteMatch match)
    {
        var wire = new Wire.RouteMatch
        {
            Path = match.Path is null ? null : WireOf(match.Path),
            Method = WireOf(match.Method),
            Scheme = WireOf(match.Scheme),
            Authority = WireOf(match.Authority),
        };
        wire.Headers.AddRange(match.Headers.Select(header => new Wire.HeaderMatch
        {
            Name = header.Name,
            Value = WireOf(header.Value),
            Inverted = header.IsInverted,
        }));
        wire.Query.AddRange(match.Query.Select(query => new Wire.QueryMatch { Name = query.Name, Value = WireOf(query.Value) }));
        wire.Source = WireOf(match.Source);

        return wire;
    }

    private static Wire.PathMatch WireOf(PathCondition path) => path.Kind switch
    {
        PathConditionKind.Exact => new Wire.PathMatch { Exact = path.Text, IgnoreCase = path.IgnoresCase },
        PathConditionKind.Prefix => new Wire.PathMatch { Prefix = path.Text, IgnoreCase = path.IgnoresCase },
        PathConditionKind.Segments => new Wire.PathMatch { Segments = path.Text },
        _ => new Wire.PathMatch { Pattern = path.Text },
    };

    private static Wire.TextMatch? WireOf(TextCondition? text) => text?.Kind switch
    {
        null => null,
        TextConditionKind.Exact => new Wire.TextMatch { Exact = text.Text },
        TextConditionKind.Prefix => new Wire.TextMatch { Prefix = text.Text },
        TextConditionKind.Pattern => new Wire.TextMatch { Pattern = text.Text },
        _ => new Wire.TextMatch { Present = true },
    };

    private static Wire.Forward WireOf(ForwardAction forward)
    {
        var wire = new Wire.Forward
        {
            KeepsUnusable = forward.KeepsUnusable,
            Rewrite = WireOf(forward.Rewrite),
            Authority = forward.Authority ?? string.Empty,
            Timeout = TrafficCompiler.Time(forward.Timeout),
            Retries = WireOf(forward.Retries),
            Fault = forward.Fault is null ? null : WireOf(forward.Fault),
        };
        wire.Destinations.AddRange(forward.Destinations.Select(WireOf));
        wire.Mirrors.AddRange(forward.Mirrors.Select(mirror => new Wire.Mirror
        {
            Destination = WireOf(mirror.Destination),
            PartsPerMillion = (uint)mirror.PartsPerMillion,
        }));
        return wire;
    }

    public static Wire.PortConnections WireOf(PortConnections port)
    {
        var wire = new Wire.PortConnections { Port = (uint)port.Port, CarriesRequests = port.CarriesRequests };
        foreach (ConnectionRoute route in port.Routes)
        {
            var read = new Wire.ConnectionRoute { Name = route.Name, KeepsUnusable = route.KeepsUnusable };
            read.Destinations.AddRange(route.Destinations.Select(WireOf));
            foreach (ConnectionMatch match in route.Matches)
            {
                var condition = new Wire.ConnectionMatch { Source = WireOf(match.Source) };
                condition.ServerNames.AddRange(match.ServerNames);
                condition.DestinationBlocks.AddRange(match.Destinations.Select(block => block.ToString()));
                read.Matches.Add(condition);
            }

            wire.Routes.Add(read);
        }

        return wire;
    }

    private static Wire.SourceMatch? WireOf(SourceCondition? source)
    {
        if (source is null)
        {
            return null;
        }

        var wire = new Wire.SourceMatch { Namespace = source.Namespace ?? string.Empty };
        if (source.WorkloadUids is { } uids)
        {
            wire.Workloads = new Wire.Workloads();
            wire.Workloads.Uids.AddRange(uids);
        }

        return wire;
    }

    private static Wire.Destination WireOf(RouteDestination destination) => new()
    {
        Service = destination.Service?.ToString() ?? string.Empty,
        Port = (uint)destination.Port,
        Subset = destination.Subset,
        Weight = destination.Weight,
        Authority = destination.Authority ?? string.Empty,
        RequestHeaders = WireOf(destination.RequestHeaders),
        ResponseHeaders = WireOf(destination.ResponseHeaders),
    };

    private static Wire.PathRewrite? WireOf(PathRewrite? rewrite) => rewrite switch
    {
        null => null,
        { Pattern: { } pattern } => new Wire.PathRewrite
        {
            Matches = new Wire.PatternSubstitution { Pattern = pattern, Replacement = rewrite.Replacement },
        },
        { ReplacesMatchedPart: true } => new Wire.PathRewrite { MatchedPart = rewrite.Replacement },
        _ => new Wire.PathRewrite { Whole = rewrite.Replacement },
    };

    private static Wire.RetryPolicy? WireOf(RetryPolicy retries)
    {
        if (retries.Retries == 0 && retries.AttemptTimeout is null)
        {
            return null;
        }

        var wire = new Wire.RetryPolicy
        {
            Retries = (uint)retries.Retries,
            AttemptTimeout = TrafficCompiler.Time(retries.AttemptTimeout),
            BackoffBase = TrafficCompiler.Time(retries.BackoffBase),
            RevisitsTried = retries.RevisitsTried,
        };
        wire.Conditions.AddRange(retries.Conditions.Select(WireOf));
        wire.StatusCodes.AddRange(retries.StatusCodes.Select(code => (uint)code));
        return wire;
    }

    private static Wire.RetryCondition WireOf(RetryCondition condition) => condition switch
    {
        RetryCondition.ServerError => Wire.RetryCondition.ServerError,
        RetryCondition.GatewayError => Wire.RetryCondition.GatewayError,
        RetryCondition.Reset => Wire.RetryCondition.Reset,
        RetryCondition.ResetBeforeRequest => Wire.RetryCondition.ResetBeforeRequest,
        RetryCondition.ConnectFailure => Wire.RetryCondition.ConnectFailure,
        RetryCondition.RefusedStream => Wire.RetryCondition.RefusedStream,
        RetryCondition.Conflict => Wire.RetryCondition.Conflict,
        RetryCondition.StatusCodes => Wire.RetryCondition.StatusCodes,
        RetryCondition.RateLimited => Wire.RetryCondition.RateLimited,
        RetryCondition.GrpcCancelled => Wire.RetryCondition.GrpcCancelled,
        RetryCondition.GrpcDeadlineExceeded => Wire.RetryCondition.GrpcDeadlineExceeded,
        RetryCondition.GrpcInternal => Wire.RetryCondition.GrpcInternal,
        RetryCondition.GrpcResourceExhausted => Wire.RetryCondition.GrpcResourceExhausted,
        _ => Wire.RetryCondition.GrpcUnavailable,
    };

    private static Wire.Fault WireOf(FaultPolicy fault)
    {
        var wire = new Wire.Fault();
        if (fault.Delay is { } delay)
        {
            wire.Delay = new Wire.Fault.Types.Delay
            {
                Duration = TrafficCompiler.Time(delay.Duration),
                PartsPerMillion = (uint)delay.PartsPerMillion,
            };
        }

        if (fault.Abort is { } abort)
        {
            wire.Abort = new Wire.Fault.Types.Abort { PartsPerMillion = (uint)abort.PartsPerMillion };
            if (abort.GrpcStatus is { } grpc)
            {
                wire.Abort.Grpc = (uint)grpc;
            }
            else
            {
                wire.Abort.Http = (uint)abort.HttpStatus!.Value;
            }
        }

        return wire;
    }

    private static Wire.Redirect WireOf(RedirectAction redirect)
    {
        var wire = new Wire.Redirect
        {
            Status = (uint)redirect.Status,
            Scheme = redirect.Scheme ?? string.Empty,
            Host = redirect.Host ?? string.Empty,
            Path = WireOf(redirect.Path),
        };
        if (redirect.Port is { } port)
        {
            wire.Port = (uint)port;
        }
        else if (redirect.KeepsPort)
        {
            wire.RequestPort = true;
        }

        return wire;
    }

    private static Wire.HeaderOperations? WireOf(HeaderOperations operations)
    {
        if (operations.IsEmpty)
        {
            return null;
        }

        var wire = new Wire.HeaderOperations();
        wire.Remove.AddRange(operations.Remove);
        wire.Set.AddRange(operations.Set.Select(WireOf));
        wire.Add.AddRange(operations.Add.Select(WireOf));
        return wire;
    }

    private static Wire.Header WireOf(HeaderText header)
    {
        var wire = new Wire.Header { Name = header.Name, Value = header.Value };
        wire.Parts.AddRange(header.Parts.Select(part => new Wire.ValuePart
        {
            Operator = (Wire.ValuePart.Types.Operator)part.Operator,
            Text = part.Text,
            Alternative = part.Alternative,
            BytesMax = (uint)part.BytesMax,
        }));
        return wire;
    }

    private static Wire.Cors WireOf(CorsPolicy cors)
    {
        var wire = new Wire.Cors
        {
            MaxAge = TrafficCompiler.Time(cors.MaxAge),
            AllowCredentials = cors.AllowsCredentials,
            EndsUnmatchedPreflights = cors.EndsUnmatchedPreflights,
        };
        wire.AllowOrigins.AddRange(cors.AllowOrigins.Select(origin => WireOf(origin)));
        wire.AllowMethods.AddRange(cors.AllowMethods);
        wire.AllowHeaders.AddRange(cors.AllowHeaders);
        wire.ExposeHeaders.AddRange(cors.ExposeHeaders);
        return wire;
    }
}
