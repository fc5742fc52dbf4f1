using System.Globalization;
using System.Text;
using Mesh.Control.Model.Traffic;

namespace Mesh.Control.Tests.Dialects;

/// <summary>
/// A route in few words: <c>NAME when path^=/a method=GET or path=/b -> reviews.shop:80[v1]*90 nowhere*10 timeout=1s</c>. <c>=</c> is the
/// whole, <c>^=</c> the beginning, <c>/=</c> the beginning by segments, <c>~</c> an expression, <c>?</c> presence.
/// </summary>
internal static class RouteWords
{
    public static string Of(Route route)
    {
        string matches = route.Matches.IsEmpty ? "always" : $"when {string.Join(" or ", route.Matches.Select(TextOf))}";
        var text = new StringBuilder($"{route.Name} {matches} {TextOf(route.Action)}");
        Append(text, "request", route.RequestHeaders);
        Append(text, "response", route.ResponseHeaders);
        if (route.Cors is { } cors)
        {
            text.Append(' ').Append(TextOf(cors));
        }

        return text.ToString();
    }

    public static string Of(ConnectionRoute route)
    {
        IEnumerable<string> matches = route.Matches.Select(match => string.Join(
            ' ',
            match.ServerNames.Select(name => $"name={name}")
                .Concat(match.Destinations.Select(block => $"at={block}"))
                .Concat(match.Source is { } source ? [$"from={source.Namespace ?? "*"}"] : [])));
        string when = route.Matches.IsEmpty ? "always" : $"when {string.Join(" or ", matches)}";
        IEnumerable<string> destinations = route.Destinations.Select(destination => TextOf(destination, route.Destinations.Length > 1));
        return $"{route.Name} {when} -> {string.Join(' ', destinations)}{(route.KeepsUnusable ? " keeps-shares" : "")}";
    }

    private static string TextOf(RouteMatch match)
    {
        var parts = new List<string>();
        if (match.Path is { } path)
        {
            string kind = path.Kind switch
            {
                PathConditionKind.Exact => "=",
                PathConditionKind.Prefix => "^=",
                PathConditionKind.Segments => "/=",
                _ => "~",
            };
            parts.Add($"path{kind}{path.Text}{(path.IgnoresCase ? "(any case)" : "")}");
        }

        Add(parts, "method", match.Method);
        Add(parts, "scheme", match.Scheme);
        Add(parts, "authority", match.Authority);
        foreach (HeaderCondition header in match.Headers)
        {
            Add(parts, $"{(header.IsInverted ? "!" : "")}header[{header.Name}]", header.Value);
        }

        foreach (QueryCondition query in match.Query)
        {
            Add(parts, $"query[{query.Name}]", query.Value);
        }

        if (match.Source is { } source)
        {
            string who = source.WorkloadUids is { } uids ? string.Join(',', uids.Select(uid => uid[(uid.LastIndexOf('/') + 1)..])) : "*";
            parts.Add($"from={source.Namespace ?? "*"}/{who}");
        }

        return parts.Count == 0 ? "anything" : string.Join(' ', parts);
    }

    private static void Add(List<string> parts, string name, TextCondition? condition)
    {
        if (condition is not null)
        {
            parts.Add($"{name}{TextOf(condition)}");
        }
    }

    private static string TextOf(TextCondition condition) => condition.Kind switch
    {
        TextConditionKind.Exact => $"={condition.Text}",
        TextConditionKind.Prefix => $"^={condition.Text}",
        TextConditionKind.Pattern => $"~{condition.Text}",
        _ => "?",
    };

    private static string TextOf(RouteAction action)
    {
        switch (action)
        {
            case RedirectAction redirect:
                string port = redirect.Port is { } number ? $" port={Text(number)}" : redirect.KeepsPort ? " port=same" : "";
                return $"redirect {Text(redirect.Status)}{If("scheme", redirect.Scheme)}{If("host", redirect.Host)}{TextOf(redirect.Path)}{port}";
            case DirectResponseAction response:
                return $"answer {Text(response.Status)}{(response.Body.IsEmpty ? "" : $" '{Encoding.UTF8.GetString(response.Body.AsSpan())}'")}";
            case ForwardAction forward:
                return TextOf(forward);
            default:
                return action.ToString();
        }
    }

    private static string TextOf(ForwardAction forward)
    {
        var text = new StringBuilder("->");
        foreach (RouteDestination destination in forward.Destinations)
        {
            text.Append(' ').Append(TextOf(destination, forward.Destinations.Length > 1));
        }

        text.Append(forward.KeepsUnusable ? " keeps-shares" : "").Append(TextOf(forward.Rewrite)).Append(If("authority", forward.Authority));
        text.Append(If("timeout", Seconds(forward.Timeout)));
        if (forward.Retries != RetryPolicy.Default)
        {
            text.Append(TextOf(forward.Retries));
        }

        if (forward.Fault?.Delay is { } delay)
        {
            text.Append(CultureInfo.InvariantCulture, $" delay={Seconds(delay.Duration)}@{delay.PartsPerMillion / 10_000.0}%");
        }

        if (forward.Fault?.Abort is { } abort)
        {
            string status = abort.GrpcStatus is { } grpc ? $"grpc-{Text(grpc)}" : Text(abort.HttpStatus!.Value);
            text.Append(CultureInfo.InvariantCulture, $" abort={status}@{abort.PartsPerMillion / 10_000.0}%");
        }

        foreach (Mirror mirror in forward.Mirrors)
        {
            text.Append(CultureInfo.InvariantCulture, $" mirror={TextOf(mirror.Destination, false)}@{mirror.PartsPerMillion / 10_000.0}%");
        }

        return text.ToString();
    }

    private static string TextOf(RouteDestination destination, bool isWeighted)
    {
        var text = new StringBuilder(destination.Service is { } service ? $"{CaseText.Short(service)}:{Text(destination.Port)}" : "nowhere");
        text.Append(destination.Subset.Length == 0 ? "" : $"[{destination.Subset}]").Append(isWeighted ? $"*{Text((int)destination.Weight)}" : "")
            .Append(destination.Authority is { } authority ? $"(as {authority})" : "");
        Append(text, "request", destination.RequestHeaders);
        Append(text, "response", destination.ResponseHeaders);
        return text.ToString();
    }

    private static string TextOf(PathRewrite? rewrite) => rewrite switch
    {
        null => "",
        { Pattern: { } pattern } => $" path~{pattern}=>{rewrite.Replacement}",
        _ => rewrite.ReplacesMatchedPart ? $" path^=>{rewrite.Replacement}" : $" path=>{rewrite.Replacement}",
    };

    private static string TextOf(RetryPolicy retries)
    {
        if (retries.Retries == 0)
        {
            return $" no-retries{If("try", Seconds(retries.AttemptTimeout))}";
        }

        string conditions = retries.Conditions.SequenceEqual(RetryPolicy.DefaultConditions) ? "" : $" on {string.Join(',', retries.Conditions)}";
        string codes = retries.StatusCodes.IsEmpty ? "" : $" codes {string.Join(',', retries.StatusCodes)}";
        return $" retries={Text(retries.Retries)}{conditions}{codes}{If("try", Seconds(retries.AttemptTimeout))}"
            + $"{If("backoff", Seconds(retries.BackoffBase))}{(retries.RevisitsTried ? " revisits" : "")}";
    }

    private static string TextOf(CorsPolicy cors)
    {
        string origins = string.Join(',', cors.AllowOrigins.Select(TextOf));
        return $"cors{{{origins}{If("methods", List(cors.AllowMethods))}{If("headers", List(cors.AllowHeaders))}"
            + $"{If("expose", List(cors.ExposeHeaders))}{If("max-age", Seconds(cors.MaxAge))}"
            + $"{(cors.AllowsCredentials ? " credentials" : "")}{(cors.EndsUnmatchedPreflights ? " ends-unmatched" : "")}}}";
    }

    private static void Append(StringBuilder text, string what, HeaderOperations operations)
    {
        if (!operations.IsEmpty)
        {
            IEnumerable<string> parts = operations.Remove.Select(name => $"-{name}")
                .Concat(operations.Set.Select(header => $"{header.Name}={TextOf(header)}"))
                .Concat(operations.Add.Select(header => $"+{header.Name}={TextOf(header)}"));
            text.Append($" {what}{{{string.Join(' ', parts)}}}");
        }
    }

    private static string TextOf(HeaderText header) => header.Parts.IsEmpty
        ? header.Value
        : string.Concat(header.Parts.Select(part =>
            $"[{part.Operator}{(part.Text.Length == 0 ? "" : $" {part.Text}")}{(part.Alternative.Length == 0 ? "" : $"?{part.Alternative}")}"
                + $"{(part.BytesMax == 0 ? "" : $":{Text(part.BytesMax)}")}]"));

    private static string List(IEnumerable<string> items) => string.Join(',', items);

    private static string If(string name, string? value) => string.IsNullOrEmpty(value) ? "" : $" {name}={value}";

    internal static string Seconds(TimeSpan? time) =>
        time is { } there ? string.Create(CultureInfo.InvariantCulture, $"{there.TotalSeconds}s") : "";

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
