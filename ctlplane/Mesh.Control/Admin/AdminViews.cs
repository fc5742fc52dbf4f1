using System.Text.Json.Serialization;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Serving.Ca;
using Mesh.Control.Serving.Xds;

namespace Mesh.Control.Admin;

/// <summary>What the admin endpoint shows: shapes that people and scripts may rely on.</summary>
internal sealed record ProxiesView(IReadOnlyList<ProxyView> Proxies);

/// <param name="Node">The node of the token.</param>
/// <param name="Id">What the proxy calls itself.</param>
/// <param name="Address">Where it connects from.</param>
/// <param name="ConnectedAt">Since when.</param>
/// <param name="TokenId">Which join token.</param>
/// <param name="IsCurrent">Whether it has confirmed everything that was sent and refuses nothing.</param>
/// <param name="Types">One per type it subscribed to.</param>
/// <param name="UnsupportedTypes">Types it asked for in vain.</param>
internal sealed record ProxyView(
    string Node,
    string Id,
    string Address,
    DateTimeOffset ConnectedAt,
    string TokenId,
    bool IsCurrent,
    IReadOnlyList<ProxyTypeView> Types,
    IReadOnlyList<string> UnsupportedTypes);

/// <param name="Type">Type URL.</param>
/// <param name="Subscription"><c>all</c>, or the number of names.</param>
/// <param name="InForce">Generation published.</param>
/// <param name="Sent">Generation sent.</param>
/// <param name="Acked">Generation confirmed.</param>
/// <param name="SentAt">Last response.</param>
/// <param name="SentResources">Resources and removals in it.</param>
/// <param name="AckedAt">Last confirmation.</param>
/// <param name="Unanswered">Responses it has neither confirmed nor refused.</param>
/// <param name="UnansweredSince">When the oldest of them was sent.</param>
/// <param name="Nacked">The last refusal, until everything in it has been taken in another version.</param>
internal sealed record ProxyTypeView(
    string Type,
    string Subscription,
    long InForce,
    long Sent,
    long Acked,
    DateTimeOffset? SentAt,
    int SentResources,
    DateTimeOffset? AckedAt,
    int Unanswered,
    DateTimeOffset? UnansweredSince,
    RejectionStatus? Nacked);

/// <param name="LoadedAt">When what is in force came into force.</param>
/// <param name="Errors">Among the diagnostics.</param>
/// <param name="Warnings">Among the diagnostics.</param>
/// <param name="IsAnalyzed">Whether what is wrong between its objects is among them already: that follows after a moment.</param>
/// <param name="Diagnostics">What reading, translating and analysing the configuration said.</param>
internal sealed record DiagnosticsView(
    DateTimeOffset? LoadedAt, int Errors, int Warnings, bool IsAnalyzed, IReadOnlyList<DiagnosticView> Diagnostics);

internal sealed record DiagnosticView(
    DiagnosticSeverity Severity,
    string? Code,
    string? Alias,
    string File,
    int Line,
    string? Kind,
    string? Namespace,
    string? Name,
    string Field,
    string Reason,
    string Hint);

internal sealed record ResourcesView(IReadOnlyList<ResourceTypeView> Types);

internal sealed record ResourceTypeView(string Type, long Generation, int Count, DateTimeOffset PublishedAt);

/// <param name="TrustDomain">Of all of it.</param>
/// <param name="Authority"><c>own</c> or <c>supplied</c>.</param>
/// <param name="Issuers">Who signs, who will and who did.</param>
/// <param name="Roots">What peers are verified against.</param>
/// <param name="UnconfirmedNodes">Connected nodes that have not confirmed these roots yet: what a rotation waits for.</param>
internal sealed record TrustView(
    string TrustDomain,
    string Authority,
    IReadOnlyList<IssuerStatus> Issuers,
    IReadOnlyList<RootStatus> Roots,
    IReadOnlyList<string> UnconfirmedNodes);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UseStringEnumConverter = true,
    WriteIndented = true)]
[JsonSerializable(typeof(ProxiesView))]
[JsonSerializable(typeof(DiagnosticsView))]
[JsonSerializable(typeof(ResourcesView))]
[JsonSerializable(typeof(TrustView))]
internal sealed partial class AdminJson : JsonSerializerContext;
