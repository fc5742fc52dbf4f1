using System.Collections.Immutable;
using Mesh.Api.Policies;
using Mesh.Node.Model.Addresses;
using Mesh.Node.Model.Routing;

namespace Mesh.Node.Model.Policies.Requests;

/// <summary>What a match asks of requests, ready to be asked. A field that is null is no condition. Immutable; any thread.</summary>
internal sealed class CompiledRequest
{
    private readonly ByteTextSet? _methods;
    private readonly ByteTextSet? _notMethods;
    private readonly HostSet? _hosts;
    private readonly HostSet? _notHosts;
    private readonly PathSet? _paths;
    private readonly PathSet? _notPaths;
    private readonly CompiledHeader[] _headers;
    private readonly PrefixSet? _remotes;
    private readonly PrefixSet? _notRemotes;
    private readonly CompiledIdentity? _identity;

    /// <param name="conditions">What is asked.</param>
    /// <param name="action">Of the policy: what makes it stricter differs.</param>
    public CompiledRequest(RequestConditions conditions, PolicyAction action)
    {
        bool isAllow = action == PolicyAction.Allow;
        _methods = ByteTextSet.Create(conditions.Methods);
        _notMethods = ByteTextSet.Create(conditions.NotMethods);
        _hosts = HostSet.Create(conditions.Hosts, isWide: !isAllow);
        _notHosts = HostSet.Create(conditions.NotHosts, isWide: isAllow);
        _paths = PathSet.Create(conditions.Paths, conditions.PathTemplates);
        _notPaths = PathSet.Create(conditions.NotPaths, conditions.NotPathTemplates);
        _headers =
        [
            .. conditions.Headers.Where(header => RequestFields.IsVisible(header.Name)).Select(header => new CompiledHeader(header)),
        ];
        _remotes = Prefixes(conditions.RemoteAddresses);
        _notRemotes = Prefixes(conditions.NotRemoteAddresses);
        _identity = CompiledIdentity.Create(conditions);
    }

    /// <summary>True when every field holds. No allocation.</summary>
    public bool Holds<TRequest>(in RequestOrigin origin, scoped ref readonly TRequest request)
        where TRequest : IRequestFacts, allows ref struct
    {
        if ((_methods is not null && !_methods.Matches(request.Method))
            || (_notMethods is not null && _notMethods.Matches(request.Method))
            || (_paths is not null && !_paths.Matches(request.Path))
            || (_notPaths is not null && _notPaths.Matches(request.Path))
            || (_hosts is not null && !_hosts.Matches(request.Authority))
            || (_notHosts is not null && _notHosts.Matches(request.Authority))
            || (_remotes is not null && !_remotes.Contains(origin.RemoteAddress))
            || (_notRemotes is not null && _notRemotes.Contains(origin.RemoteAddress)))
        {
            return false;
        }

        foreach (CompiledHeader header in _headers)
        {
            if (!header.Holds(in request))
            {
                return false;
            }
        }

        return _identity is null || _identity.Holds(origin.Identity);
    }

    private static PrefixSet? Prefixes(ImmutableArray<IpPrefix> prefixes) => prefixes.IsEmpty ? null : PrefixSet.Create(prefixes.AsSpan());

    /// <summary>The alternatives of a field on paths.</summary>
    private sealed class PathSet(ByteTextSet? texts, ImmutableArray<PathTemplate> templates)
    {
        public static PathSet? Create(ImmutableArray<TextMatch> texts, ImmutableArray<PathTemplate> templates) =>
            texts.IsEmpty && templates.IsEmpty ? null : new PathSet(ByteTextSet.Create(texts), templates);

        public bool Matches(ReadOnlySpan<byte> path)
        {
            if (texts is not null && texts.Matches(path))
            {
                return true;
            }

            foreach (PathTemplate template in templates)
            {
                if (template.Matches(path))
                {
                    return true;
                }
            }

            return false;
        }
    }
}
