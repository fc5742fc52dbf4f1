using System.Collections.Immutable;
using Mesh.Node.Model.Routing;

namespace Mesh.Node.Model.Policies.Authorizers;

/// <summary>
/// Who decides what a <see cref="PolicyAction.Custom"/> policy matches: a service outside the proxy, how it is asked, and what of its
/// answer is passed on. Immutable; any thread.
/// </summary>
public sealed record Authorizer
{
    /// <summary>As the configuration calls it: what one authorizer of that name has allowed needs no second answer.</summary>
    public required string Name { get; init; }

    /// <summary>namespace/hostname of the service that is asked.</summary>
    public required string ServiceKey { get; init; }

    /// <summary>The port of that service.</summary>
    public required ushort Port { get; init; }

    public required AuthorizerProtocol Protocol { get; init; }

    /// <summary>How long an answer is waited for.</summary>
    public required TimeSpan Timeout { get; init; }

    /// <summary>What it does not answer for passes.</summary>
    public bool FailsOpen { get; init; }

    /// <summary>What a client is told where it does not answer and does not fail open.</summary>
    public int StatusOnFailure { get; init; } = 403;

    /// <summary>Stands before the path of a request when HTTP is asked; empty or with a slash at its beginning.</summary>
    public string PathPrefix { get; init; } = "";

    /// <summary>The fields of a request that HTTP is told besides <c>authorization</c>; gRPC is told all.</summary>
    public FieldNames RequestFields { get; init; } = FieldNames.None;

    /// <summary>Fields HTTP is told of every request, in place of the client's.</summary>
    public ImmutableArray<HeaderField> AddedFields { get; init; } = [];

    /// <summary>How much of the content is told; null for nothing.</summary>
    public CheckedContent? Content { get; init; }

    /// <summary>The fields of HTTP's answer that the application is given in a request that is allowed.</summary>
    public FieldNames UpstreamFields { get; init; } = FieldNames.None;

    /// <summary>The fields of HTTP's answer that the client is given beside the application's.</summary>
    public FieldNames AllowedAnswerFields { get; init; } = FieldNames.None;

    /// <summary>The fields of HTTP's answer that the client of a denied request is given; null for all.</summary>
    public FieldNames? DeniedAnswerFields { get; init; }
}

/// <summary>How an authorizer is asked.</summary>
public enum AuthorizerProtocol
{
    /// <summary>With the head of the request: 200 allows, 5xx is no answer, all else denies.</summary>
    Http,

    /// <summary>With <c>envoy.service.auth.v3.Authorization/Check</c>.</summary>
    Grpc,
}

/// <summary>How much of a request's content an authorizer is told.</summary>
/// <param name="BytesMax">So much of it, 1 to 1,048,576.</param>
/// <param name="MayBePartial">Of longer content it is told the beginning; otherwise such a request is refused.</param>
/// <param name="IsRaw">gRPC is told bytes, not text.</param>
public sealed record CheckedContent(int BytesMax, bool MayBePartial, bool IsRaw);
