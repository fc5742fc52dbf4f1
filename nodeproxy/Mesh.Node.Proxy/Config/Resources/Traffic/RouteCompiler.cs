using Mesh.Api.Patterns;
using Mesh.Node.Model.Retries;
using Mesh.Node.Model.Routing;
using Wire = Mesh.Api.Traffic;

namespace Mesh.Node.Proxy.Config.Resources.Traffic;

/// <summary>Routes from the wire, and what becomes of their requests. Throws where something is not as it must be.</summary>
internal static class RouteCompiler
{
    private const int PartsPerMillionMax = 1_000_000;

    /// <exception cref="ResourceRefusedException">Something in it is unknown, missing or out of range.</exception>
    public static Route Read(Wire.Route wire, Field field)
    {
        RouteAction action = wire.ActionCase switch
        {
            Wire.Route.ActionOneofCase.Forward => ReadForward(wire.Forward, field["forward"]),
            Wire.Route.ActionOneofCase.Redirect => ReadRedirect(wire.Redirect, field["redirect"]),
            Wire.Route.ActionOneofCase.DirectResponse => ReadDirectResponse(wire.DirectResponse, field["direct_response"]),
            _ => throw field.Refuse("it does not say what becomes of requests"),
        };
        return new Route(wire.Name, field["matches"].Each(wire.Matches, MatchCompiler.Read), action)
        {
            RequestHeaders = HeaderCompiler.Read(wire.RequestHeaders, field["request_headers"]),
            ResponseHeaders = HeaderCompiler.Read(wire.ResponseHeaders, field["response_headers"]),
            Cors = ReadCors(wire.Cors, field["cors"]),
        };
    }

    private static ForwardAction ReadForward(Wire.Forward wire, Field field)
    {
        field["destinations"].Require(wire.Destinations.Count > 0, "there is none");
        var destinations = new WeightedDestinations(field["destinations"].Each(wire.Destinations, ReadDestination), wire.KeepsUnusable);
        return new ForwardAction(destinations)
        {
            Rewrite = ReadRewrite(wire.Rewrite, field["rewrite"]),
            Authority = wire.Authority.Length == 0 ? null : HeaderCompiler.Value(wire.Authority, field["authority"]),
            Timeout = field["timeout"].Time(wire.Timeout),
            Retries = ReadRetries(wire.Retries, field["retries"]),
            Fault = ReadFault(wire.Fault, field["fault"]),
            Mirrors = field["mirrors"].Each(wire.Mirrors, ReadMirror),
        };
    }

    internal static WeightedDestination ReadDestination(Wire.Destination wire, Field field) =>
        new(wire.Service, wire.Service.Length == 0 && wire.Port == 0 ? (ushort)0 : field["port"].Port(wire.Port), wire.Subset, wire.Weight)
        {
            Authority = wire.Authority.Length == 0 ? null : HeaderCompiler.Value(wire.Authority, field["authority"]),
            RequestHeaders = HeaderCompiler.Read(wire.RequestHeaders, field["request_headers"]),
            ResponseHeaders = HeaderCompiler.Read(wire.ResponseHeaders, field["response_headers"]),
        };

    private static Mirror ReadMirror(Wire.Mirror wire, Field field) => new(
        ReadDestination(wire.Destination ?? throw field["destination"].Refuse("there is none"), field["destination"]),
        ReadShare(wire.PartsPerMillion, field["parts_per_million"]));

    private static Share ReadShare(uint wire, Field field) => new(field.Number(wire, 0, PartsPerMillionMax));

    private static PathRewrite? ReadRewrite(Wire.PathRewrite? wire, Field field) => wire?.ReplacementCase switch
    {
        null => null,
        Wire.PathRewrite.ReplacementOneofCase.Whole => PathRewrite.Whole(HeaderCompiler.Value(wire.Whole, field["whole"])),
        Wire.PathRewrite.ReplacementOneofCase.MatchedPart =>
            PathRewrite.MatchedPart(HeaderCompiler.Value(wire.MatchedPart, field["matched_part"])),
        Wire.PathRewrite.ReplacementOneofCase.Matches => ReadSubstitution(wire.Matches, field["matches"]),
        _ => throw field.Refuse("it does not say by what the path is replaced"),
    };

    private static PathRewrite ReadSubstitution(Wire.PatternSubstitution wire, Field field)
    {
        string replacement = HeaderCompiler.Value(wire.Replacement, field["replacement"]);
        return PatternSubstitution.TryCompile(wire.Pattern, replacement, out PatternSubstitution? substitution, out string? problem)
            ? PathRewrite.Matches(substitution)
            : throw field["pattern"].Refuse(problem);
    }

    private static RetryPolicy ReadRetries(Wire.RetryPolicy? wire, Field field)
    {
        const int RetriesMax = 100;
        if (wire is null)
        {
            return RetryPolicy.Never;
        }

        RetryConditions conditions = RetryConditions.None;
        foreach (RetryConditions condition in field["conditions"].Each(wire.Conditions, ReadCondition))
        {
            conditions |= condition;
        }

        return new RetryPolicy
        {
            Retries = field["retries"].Number(wire.Retries, 0, RetriesMax),
            Conditions = conditions,
            StatusCodes = field["status_codes"].Each(wire.StatusCodes, static (code, place) => place.Number(code, 100, 599)),
            AttemptTimeout = field["attempt_timeout"].Time(wire.AttemptTimeout),
            BackoffBase = field["backoff_base"].Time(wire.BackoffBase) ?? new RetryPolicy().BackoffBase,
            AvoidsTried = !wire.RevisitsTried,
        };
    }

    private static RetryConditions ReadCondition(Wire.RetryCondition wire, Field field) => wire switch
    {
        Wire.RetryCondition.ServerError => RetryConditions.ServerError,
        Wire.RetryCondition.GatewayError => RetryConditions.GatewayError,
        Wire.RetryCondition.Reset => RetryConditions.Reset,
        Wire.RetryCondition.ResetBeforeRequest => RetryConditions.ResetBeforeRequest,
        Wire.RetryCondition.ConnectFailure => RetryConditions.ConnectFailure,
        Wire.RetryCondition.RefusedStream => RetryConditions.RefusedStream,
        Wire.RetryCondition.Conflict => RetryConditions.Conflict,
        Wire.RetryCondition.StatusCodes => RetryConditions.StatusCodes,
        Wire.RetryCondition.RateLimited => RetryConditions.RateLimited,
        Wire.RetryCondition.GrpcCancelled => RetryConditions.GrpcCancelled,
        Wire.RetryCondition.GrpcDeadlineExceeded => RetryConditions.GrpcDeadlineExceeded,
        Wire.RetryCondition.GrpcInternal => RetryConditions.GrpcInternal,
        Wire.RetryCondition.GrpcResourceExhausted => RetryConditions.GrpcResourceExhausted,
        Wire.RetryCondition.GrpcUnavailable => RetryConditions.GrpcUnavailable,
        _ => throw field.Refuse($"{wire:D} is not known here"),
    };

    private static FaultPolicy? ReadFault(Wire.Fault? wire, Field field)
    {
        if (wire is null)
        {
            return null;
        }

        field.Require(wire.Delay is not null || wire.Abort is not null, "it has neither a delay nor an abort");
        FaultDelay? delay = wire.Delay is null
            ? null
            : new FaultDelay(
                field["delay"]["duration"].Time(wire.Delay.Duration) ?? throw field["delay"]["duration"].Refuse("there is none"),
                ReadShare(wire.Delay.PartsPerMillion, field["delay"]["parts_per_million"]));
        return new FaultPolicy(delay, wire.Abort is null ? null : ReadAbort(wire.Abort, field["abort"]));
    }

    private static FaultAbort ReadAbort(Wire.Fault.Types.Abort wire, Field field)
    {
        const int GrpcStatusMax = 16;
        Share share = ReadShare(wire.PartsPerMillion, field["parts_per_million"]);
        return wire.StatusCase switch
        {
            Wire.Fault.Types.Abort.StatusOneofCase.Http => new FaultAbort(field["http"].Number(wire.Http, 200, 599), null, share),
            Wire.Fault.Types.Abort.StatusOneofCase.Grpc => new FaultAbort(null, field["grpc"].Number(wire.Grpc, 0, GrpcStatusMax), share),
            _ => throw field.Refuse("it has no status"),
        };
    }

    private static RedirectAction ReadRedirect(Wire.Redirect wire, Field field)
    {
        field["status"].Require(wire.Status is 301 or 302 or 303 or 307 or 308, $"{wire.Status} is no status of a redirect");
        field["scheme"].Require(wire.Scheme is "" or "http" or "https", $"'{wire.Scheme}' is neither http nor https");
        return new RedirectAction
        {
            Status = (int)wire.Status,
            Scheme = wire.Scheme.Length == 0 ? null : wire.Scheme,
            Host = wire.Host.Length == 0 ? null : HeaderCompiler.Value(wire.Host, field["host"]),
            Path = ReadRewrite(wire.Path, field["path"]),
            PortFrom = wire.PortFromCase switch
            {
                Wire.Redirect.PortFromOneofCase.Port => RedirectPort.Given,
                Wire.Redirect.PortFromOneofCase.RequestPort => RedirectPort.OfRequest,
                _ => RedirectPort.OfScheme,
            },
            Port = wire.PortFromCase == Wire.Redirect.PortFromOneofCase.Port ? field["port"].Port(wire.Port) : (ushort)0,
        };
    }

    private static DirectResponseAction ReadDirectResponse(Wire.DirectResponse wire, Field field)
    {
        const int BodyBytesMax = 1024 * 1024;
        field["body"].Require(wire.Body.Length <= BodyBytesMax, $"{wire.Body.Length} bytes are more than {BodyBytesMax}");
        return new DirectResponseAction(field["status"].Number(wire.Status, 200, 599), [.. wire.Body.Span]);
    }

    private static CorsPolicy? ReadCors(Wire.Cors? wire, Field field) => wire is null
        ? null
        : new CorsPolicy(
            field["allow_origins"].Each(wire.AllowOrigins, MatchCompiler.ReadText),
            field["allow_methods"].Each(wire.AllowMethods, HeaderCompiler.Value),
            field["allow_headers"].Each(wire.AllowHeaders, HeaderCompiler.Value),
            field["expose_headers"].Each(wire.ExposeHeaders, HeaderCompiler.Value))
        {
            MaxAge = field["max_age"].TimeOrZero(wire.MaxAge),
            AllowsCredentials = wire.AllowCredentials,
            ForwardsUnmatchedPreflights = !wire.EndsUnmatchedPreflights,
        };
}
