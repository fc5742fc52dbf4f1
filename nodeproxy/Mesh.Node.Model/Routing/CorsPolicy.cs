using System.Collections.Immutable;
using System.Text;

namespace Mesh.Node.Model.Routing;

/// <summary>What scripts of other origins may do. Immutable; any thread.</summary>
public sealed class CorsPolicy
{
    private readonly byte[] _allowMethods;
    private readonly byte[] _allowHeaders;
    private readonly byte[] _exposeHeaders;
    private readonly bool _allowsEveryOrigin;

    /// <param name="allowOrigins">Of these one must hold of the origin, which is then echoed; exactly <c>*</c> holds of every one.</param>
    /// <param name="allowMethods">Empty to say nothing of methods.</param>
    /// <param name="allowHeaders">Empty to say nothing of headers.</param>
    /// <param name="exposeHeaders">Empty to expose none.</param>
    public CorsPolicy(
        ImmutableArray<ValueMatch> allowOrigins,
        ImmutableArray<string> allowMethods,
        ImmutableArray<string> allowHeaders,
        ImmutableArray<string> exposeHeaders)
    {
        AllowOrigins = allowOrigins;
        AllowMethods = allowMethods;
        AllowHeaders = allowHeaders;
        ExposeHeaders = exposeHeaders;
        _allowsEveryOrigin = allowOrigins.Any(origin => origin is { Kind: ValueMatchKind.Exact, Text: "*" });
        _allowMethods = Joined(allowMethods);
        _allowHeaders = Joined(allowHeaders);
        _exposeHeaders = Joined(exposeHeaders);
    }

    public ImmutableArray<ValueMatch> AllowOrigins { get; }

    public ImmutableArray<string> AllowMethods { get; }

    public ImmutableArray<string> AllowHeaders { get; }

    public ImmutableArray<string> ExposeHeaders { get; }

    /// <summary>The value of access-control-allow-methods; empty for no such field.</summary>
    public ReadOnlySpan<byte> AllowMethodsValue => _allowMethods;

    /// <summary>The value of access-control-allow-headers; empty for no such field.</summary>
    public ReadOnlySpan<byte> AllowHeadersValue => _allowHeaders;

    /// <summary>The value of access-control-expose-headers; empty for no such field.</summary>
    public ReadOnlySpan<byte> ExposeHeadersValue => _exposeHeaders;

    /// <summary>How long a preflight's answer holds, in whole seconds; null to say nothing.</summary>
    public TimeSpan? MaxAge { get; init; }

    public bool AllowsCredentials { get; init; }

    /// <summary>A preflight whose origin is not allowed goes on to the upstream; otherwise it is answered here, without leave.</summary>
    public bool ForwardsUnmatchedPreflights { get; init; } = true;

    /// <summary>Whether an origin is allowed. No allocation.</summary>
    public bool AllowsOrigin(ReadOnlySpan<byte> origin)
    {
        if (_allowsEveryOrigin)
        {
            return true;
        }

        foreach (ValueMatch allowed in AllowOrigins)
        {
            if (allowed.Matches(origin))
            {
                return true;
            }
        }

        return false;
    }

    private static byte[] Joined(ImmutableArray<string> values) => Encoding.UTF8.GetBytes(string.Join(',', values));
}
