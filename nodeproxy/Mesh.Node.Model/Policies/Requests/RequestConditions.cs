using System.Collections.Immutable;
using Mesh.Node.Model.Addresses;

namespace Mesh.Node.Model.Policies.Requests;

/// <summary>
/// What a match asks of a request: fields that must all hold, empty ones aside. A field lists alternatives; its Not form holds where none
/// of them does. What a request does not have satisfies no positive field and every negative one.
/// </summary>
public sealed record RequestConditions
{
    /// <summary>Compared with case (RFC 9110 §9.1).</summary>
    public ImmutableArray<TextMatch> Methods { get; init; } = [];

    public ImmutableArray<TextMatch> NotMethods { get; init; } = [];

    /// <summary>
    /// Compared without case with the whole authority, and, where that makes the policy stricter, with its host alone: a client chooses
    /// whether to write the port.
    /// </summary>
    public ImmutableArray<TextMatch> Hosts { get; init; } = [];

    /// <inheritdoc cref="Hosts"/>
    public ImmutableArray<TextMatch> NotHosts { get; init; } = [];

    /// <summary>Compared with the normalised path, without the query.</summary>
    public ImmutableArray<TextMatch> Paths { get; init; } = [];

    public ImmutableArray<TextMatch> NotPaths { get; init; } = [];

    /// <summary>Further alternatives to <see cref="Paths"/>.</summary>
    public ImmutableArray<PathTemplate> PathTemplates { get; init; } = [];

    /// <summary>Further alternatives to <see cref="NotPaths"/>.</summary>
    public ImmutableArray<PathTemplate> NotPathTemplates { get; init; } = [];

    /// <summary>Each must hold.</summary>
    public ImmutableArray<HeaderCondition> Headers { get; init; } = [];

    /// <summary>The address the request came from first, as far as somebody trusted says so.</summary>
    public ImmutableArray<IpPrefix> RemoteAddresses { get; init; } = [];

    public ImmutableArray<IpPrefix> NotRemoteAddresses { get; init; } = [];

    /// <summary>Compared with issuer/subject of the verified token.</summary>
    public ImmutableArray<TextMatch> Principals { get; init; } = [];

    public ImmutableArray<TextMatch> NotPrincipals { get; init; } = [];

    /// <summary>Compared with each audience of the verified token.</summary>
    public ImmutableArray<TextMatch> Audiences { get; init; } = [];

    public ImmutableArray<TextMatch> NotAudiences { get; init; } = [];

    /// <summary>Compared with whom the verified token was issued to (azp).</summary>
    public ImmutableArray<TextMatch> Presenters { get; init; } = [];

    public ImmutableArray<TextMatch> NotPresenters { get; init; } = [];

    /// <summary>Each must hold.</summary>
    public ImmutableArray<ClaimCondition> Claims { get; init; } = [];

    /// <summary>Nothing is asked.</summary>
    public bool IsEmpty =>
        Methods.IsEmpty && NotMethods.IsEmpty && Hosts.IsEmpty && NotHosts.IsEmpty
        && Paths.IsEmpty && NotPaths.IsEmpty && PathTemplates.IsEmpty && NotPathTemplates.IsEmpty
        && Headers.IsEmpty && RemoteAddresses.IsEmpty && NotRemoteAddresses.IsEmpty
        && Principals.IsEmpty && NotPrincipals.IsEmpty && Audiences.IsEmpty && NotAudiences.IsEmpty
        && Presenters.IsEmpty && NotPresenters.IsEmpty && Claims.IsEmpty;
}

/// <summary>A condition on a header. Its two lists must both hold, empty ones aside.</summary>
/// <param name="Name">The field's name; its case means nothing.</param>
/// <param name="Values">One must match the value; several lines are one value, joined by commas.</param>
/// <param name="NotValues">None may match it.</param>
public sealed record HeaderCondition(string Name, ImmutableArray<TextMatch> Values, ImmutableArray<TextMatch> NotValues);

/// <summary>A condition on a claim of the verified token. Its two lists must both hold, empty ones aside.</summary>
/// <param name="Path">Names from the outermost to the claim's own.</param>
/// <param name="Values">One must match one of the claim's values.</param>
/// <param name="NotValues">None may match any of them.</param>
public sealed record ClaimCondition(ImmutableArray<string> Path, ImmutableArray<TextMatch> Values, ImmutableArray<TextMatch> NotValues);
