using System.Collections.Immutable;
using System.Net;

namespace Mesh.Control.Model.Canonical;

/// <summary>
/// What a match asks of a request. Every list that has entries must hold: the plain ones when any entry matches, the <c>Not</c> ones when
/// none does. What a request does not have matches no entry.
/// </summary>
public sealed record RequestMatch
{
    public ImmutableArray<TextMatch> Methods { get; init; } = [];

    public ImmutableArray<TextMatch> NotMethods { get; init; } = [];

    /// <summary>Compared without case; a port may be part of it.</summary>
    public ImmutableArray<TextMatch> Hosts { get; init; } = [];

    public ImmutableArray<TextMatch> NotHosts { get; init; } = [];

    public ImmutableArray<PathPattern> Paths { get; init; } = [];

    public ImmutableArray<PathPattern> NotPaths { get; init; } = [];

    /// <summary>Each must hold.</summary>
    public ImmutableArray<PolicyHeader> Headers { get; init; } = [];

    /// <summary>Where the request came from first.</summary>
    public ImmutableArray<IPNetwork> RemoteRanges { get; init; } = [];

    public ImmutableArray<IPNetwork> NotRemoteRanges { get; init; } = [];

    /// <summary>issuer/subject of the verified token.</summary>
    public ImmutableArray<TextMatch> Principals { get; init; } = [];

    public ImmutableArray<TextMatch> NotPrincipals { get; init; } = [];

    public ImmutableArray<TextMatch> Audiences { get; init; } = [];

    public ImmutableArray<TextMatch> NotAudiences { get; init; } = [];

    public ImmutableArray<TextMatch> Presenters { get; init; } = [];

    public ImmutableArray<TextMatch> NotPresenters { get; init; } = [];

    /// <summary>Each must hold.</summary>
    public ImmutableArray<PolicyClaim> Claims { get; init; } = [];

    public bool IsEmpty =>
        Methods.IsEmpty && NotMethods.IsEmpty && Hosts.IsEmpty && NotHosts.IsEmpty && Paths.IsEmpty && NotPaths.IsEmpty
        && Headers.IsEmpty && RemoteRanges.IsEmpty && NotRemoteRanges.IsEmpty && Principals.IsEmpty && NotPrincipals.IsEmpty
        && Audiences.IsEmpty && NotAudiences.IsEmpty && Presenters.IsEmpty && NotPresenters.IsEmpty && Claims.IsEmpty;
}

/// <summary>A way to match paths: a text, or a template of segments.</summary>
/// <param name="Text">Null for a template.</param>
/// <param name="Template">With <c>{*}</c> for one segment and <c>{**}</c> for the rest; empty for a text.</param>
public readonly record struct PathPattern(TextMatch? Text, string Template)
{
    public static PathPattern Of(TextMatch text) => new(text, string.Empty);

    public static PathPattern OfTemplate(string template) => new(null, template);
}

/// <summary>A condition on a header: both lists must hold, empty ones aside.</summary>
/// <param name="Name">Lower case.</param>
/// <param name="Values">One must match.</param>
/// <param name="NotValues">None may match.</param>
public sealed record PolicyHeader(string Name, ImmutableArray<TextMatch> Values, ImmutableArray<TextMatch> NotValues);

/// <summary>A condition on a claim of the verified token: both lists must hold, empty ones aside.</summary>
/// <param name="Path">Names from the outermost to the claim's own.</param>
/// <param name="Values">One must match.</param>
/// <param name="NotValues">None may match.</param>
public sealed record PolicyClaim(ImmutableArray<string> Path, ImmutableArray<TextMatch> Values, ImmutableArray<TextMatch> NotValues);
