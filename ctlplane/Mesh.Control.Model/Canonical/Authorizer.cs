using System.Collections.Immutable;

namespace Mesh.Control.Model.Canonical;

/// <summary>A service that decides about requests: how it is asked, and what of its answer is passed on.</summary>
public sealed record Authorizer
{
    public required ServiceKey Service { get; init; }

    public required int Port { get; init; }

    public required bool IsGrpc { get; init; }

    /// <summary>How long an answer is waited for.</summary>
    public required TimeSpan Timeout { get; init; }

    /// <summary>What it does not answer for passes.</summary>
    public required bool FailsOpen { get; init; }

    /// <summary>What a client is told where it does not answer; 400 to 599.</summary>
    public required int StatusOnFailure { get; init; }

    /// <summary>Empty, or with a slash at its beginning.</summary>
    public string PathPrefix { get; init; } = string.Empty;

    /// <summary>The fields of a request that it is told.</summary>
    public ImmutableArray<TextMatch> RequestFields { get; init; } = [];

    /// <summary>Told of every request, in the order of their names.</summary>
    public ImmutableArray<KeyValuePair<string, string>> AddedFields { get; init; } = [];

    /// <summary>Fields of an answer that allows, for the application.</summary>
    public ImmutableArray<TextMatch> UpstreamFields { get; init; } = [];

    /// <summary>Fields of an answer that allows, for the client.</summary>
    public ImmutableArray<TextMatch> AllowedAnswerFields { get; init; } = [];

    /// <summary>Fields of an answer that denies, for the client. None: all of them.</summary>
    public ImmutableArray<TextMatch> DeniedAnswerFields { get; init; } = [];

    /// <summary>How much of the content it is told; null for nothing.</summary>
    public CheckedContent? Content { get; init; }
}

/// <summary>How much of a request's content an authorizer is told.</summary>
/// <param name="BytesMax">1 to 1,048,576.</param>
/// <param name="MayBePartial">Of longer content the beginning is told; otherwise such a request is refused.</param>
/// <param name="IsRaw">gRPC is told bytes, not text.</param>
public sealed record CheckedContent(int BytesMax, bool MayBePartial, bool IsRaw);
