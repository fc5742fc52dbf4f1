using System.Collections.Immutable;
using System.Text.RegularExpressions;
using Mesh.Control.Dialects.Traffic;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;
using Mesh.Control.Model.Traffic;

namespace Mesh.Control.Dialects.GatewayApi;

/// <summary>
/// Reads GRPCRoute: a service is the first segment of a path and a method the second, and only requests of gRPC are meant.
/// </summary>
internal static partial class GrpcRouteReader
{
    private const int MatchesMax = 64;

    private static readonly string[] s_ruleFields = ["backendRefs", "filters", "matches", "name", "sessionPersistence"];
    private static readonly string[] s_matchFields = ["headers", "method"];
    private static readonly string[] s_methodFields = ["method", "service", "type"];

    /// <summary>What every request of gRPC has.</summary>
    private static readonly HeaderCondition s_isGrpc =
        new("content-type", new TextCondition(TextConditionKind.Prefix, "application/grpc"));

    private static readonly MatchSpec s_everything = new(new RouteMatch { Headers = [s_isGrpc] });

    /// <returns>Null when it is attached to no Service.</returns>
    public static ServiceRouteSpec? Read(RawObject source, ObjectDiagnostics diagnostics) => ServiceRouteReader.Read(
        source,
        ServiceRouteKind.Grpc,
        diagnostics,
        ReadRule,
        name => new RuleSpec
        {
            Name = name,
            Matches = [s_everything],
            Action = new ForwardAction([]),
        });

    private static RuleSpec ReadRule(FieldReader rule, string name, ImmutableArray<ServiceParent> parents)
    {
        rule.RefuseUnknown("A rule", s_ruleFields);
        HttpRouteReader.CheckPersistence(rule);
        List<FieldReader> sections = rule.Sections("matches");
        if (sections.Count > MatchesMax)
        {
            rule.Error("matches", $"{sections.Count} matches; {MatchesMax} are allowed.");
        }

        ImmutableArray<MatchSpec> matches = sections.Count == 0 ? [s_everything] : [.. sections.Select(ReadMatch)];
        HttpRouteFilters filters = HttpRouteFilterReader.Read(rule, matches, HttpRouteFilterReader.OfGrpc);
        ImmutableArray<DestinationSpec> destinations = BackendReader.ReadAll(rule, parents);
        return new RuleSpec
        {
            Name = name,
            Matches = matches,
            Action = new ForwardAction([]),
            Destinations = destinations,
            Mirrors = filters.Mirrors,
            RequestHeaders = filters.RequestHeaders,
            ResponseHeaders = filters.ResponseHeaders,
        };
    }

    private static MatchSpec ReadMatch(FieldReader match)
    {
        match.RefuseUnknown("A match", s_matchFields);
        foreach (string empty in match.NullKeys())
        {
            match.Error(empty, "The field has no value.", "Give it one or leave it out.");
        }

        (PathCondition? path, (int Service, int Method) rank) = ReadMethod(match);
        return new MatchSpec(new RouteMatch { Path = path, Headers = [.. HttpRouteMatchReader.ReadHeaders(match), s_isGrpc] })
        {
            Rank = rank,
        };
    }

    private static (PathCondition? Path, (int Service, int Method) Rank) ReadMethod(FieldReader match)
    {
        if (match.Section("method") is not { } section)
        {
            return (null, default);
        }

        section.RefuseUnknown("method", s_methodFields);
        string? service = section.Text("service");
        string? method = section.Text("method");
        (int Service, int Method) rank = (service?.Length ?? 0, method?.Length ?? 0);
        if (string.IsNullOrEmpty(service) && string.IsNullOrEmpty(method))
        {
            section.Error("service", "A match of a method names a service, a method or both.");
            return (null, rank);
        }

        string type = section.Text("type") ?? "Exact";
        switch (type)
        {
            case "Exact":
                return (ReadExact(section, service, method), rank);
            case "RegularExpression":
                bool isSound = (service is null || section.CheckPattern("service", service))
                    & (method is null || section.CheckPattern("method", method));
                return (isSound ? Pattern(GroupOf(service), GroupOf(method)) : null, rank);
            default:
                section.Error("type", $"'{type}' is not a way to compare.", "Write Exact or RegularExpression.");
                return (null, rank);
        }
    }

    private static PathCondition? ReadExact(FieldReader section, string? service, string? method)
    {
        bool isSound = true;
        if (!string.IsNullOrEmpty(service) && !ServiceName().IsMatch(service))
        {
            isSound = false;
            section.Error("service", $"'{service}' is not the name of a service of gRPC.", "Write such as shop.v1.Cart.");
        }

        if (!string.IsNullOrEmpty(method) && !MethodName().IsMatch(method))
        {
            isSound = false;
            section.Error("method", $"'{method}' is not the name of a method of gRPC.");
        }

        return !isSound ? null
            : string.IsNullOrEmpty(method) ? new PathCondition(PathConditionKind.Segments, $"/{service}")
            : string.IsNullOrEmpty(service) ? Pattern(AnySegment, method)
            : new PathCondition(PathConditionKind.Exact, $"/{service}/{method}");
    }

    private const string AnySegment = "[^/]+";

    private static string GroupOf(string? expression) => string.IsNullOrEmpty(expression) ? AnySegment : $"(?:{expression})";

    private static PathCondition Pattern(string service, string method) => new(PathConditionKind.Pattern, $"/{service}/{method}");

    [GeneratedRegex("^[A-Za-z_][A-Za-z_0-9]*(\\.[A-Za-z_][A-Za-z_0-9]*)*$", RegexOptions.CultureInvariant)]
    private static partial Regex ServiceName();

    [GeneratedRegex("^[A-Za-z_][A-Za-z_0-9]*$", RegexOptions.CultureInvariant)]
    private static partial Regex MethodName();
}
