using System.Collections.Immutable;
using Mesh.Node.Model.Routing;
using Mesh.Node.Proxy.Http;

namespace Mesh.Node.Proxy.Explain;

/// <summary>Says why routes are not a request's.</summary>
internal static class RouteReasons
{
    /// <summary>Routes before the one that was found, or all; of each of their matches the first condition that does not hold.</summary>
    public static ImmutableArray<PassedRoute> Of(RouteTable routes, Route? found, scoped in RequestFacts facts)
    {
        ImmutableArray<PassedRoute>.Builder passed = ImmutableArray.CreateBuilder<PassedRoute>();
        foreach (Route route in routes.Routes)
        {
            if (ReferenceEquals(route, found))
            {
                break;
            }

            ImmutableArray<string>.Builder reasons = ImmutableArray.CreateBuilder<string>(route.Matches.Length);
            foreach (RouteMatch match in route.Matches)
            {
                if (Of(match, in facts) is string reason)
                {
                    reasons.Add(reason);
                }
            }

            passed.Add(new PassedRoute(route.Name, reasons.ToImmutable()));
        }

        return passed.ToImmutable();
    }

    private static string? Of(RouteMatch match, scoped in RequestFacts facts)
    {
        if (match.Path?.Matches(facts.Path) == false)
        {
            return $"path is not {match.Path}";
        }

        if (match.Method?.Matches(facts.Method) == false)
        {
            return $"method is not {match.Method}";
        }

        if (match.Scheme?.Matches(facts.Scheme) == false)
        {
            return $"scheme is not {match.Scheme}";
        }

        if (match.Authority?.Matches(facts.Authority) == false)
        {
            return $"authority is not {match.Authority}";
        }

        if (match.Source?.Matches(facts.Source) == false)
        {
            return "the client is not one of those it asks for";
        }

        foreach (HeaderMatch header in match.Headers)
        {
            if (!header.Matches(in facts))
            {
                return $"not {header}";
            }
        }

        foreach (QueryMatch parameter in match.Query)
        {
            if (!parameter.Matches(facts.Query))
            {
                return $"not {parameter}";
            }
        }

        return null;
    }
}
