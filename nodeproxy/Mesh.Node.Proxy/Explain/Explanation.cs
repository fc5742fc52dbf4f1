using System.Collections.Immutable;
using System.Net;
using Mesh.Node.Model.Balancing;
using Mesh.Node.Model.Policies;
using Mesh.Node.Model.Policies.Limits;
using Mesh.Node.Model.Routing;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Proxy.Telemetry.Requests;

namespace Mesh.Node.Proxy.Explain;

/// <summary>What would become of a request, and why: what the data path would decide with what it knows now.</summary>
/// <param name="Question">What was asked.</param>
/// <param name="Source">The client's workload.</param>
public sealed record Explanation(ExplainQuestion Question, Workload Source)
{
    /// <summary>The service that owns what the client connects to; null where none does.</summary>
    public Service? Service { get; init; }

    /// <summary>What is declared to be spoken at the port.</summary>
    public PortProtocol Protocol { get; init; }

    /// <summary>Why requests are not read on the client's side, only carried; null where they are read.</summary>
    public string? Unread { get; init; }

    /// <summary>The request's path in the form that is matched.</summary>
    public string Path { get; init; } = "";

    /// <summary>The routes before the one that was found, or all of them, with what of each did not hold.</summary>
    public ImmutableArray<PassedRoute> Passed { get; init; } = [];

    /// <summary>The route that was found; null where there is none.</summary>
    public Route? Route { get; init; }

    /// <summary>The condition of it that holds; null where it has none.</summary>
    public RouteMatch? Match { get; init; }

    /// <summary>What the client is told without anybody being asked; null where the request is sent on.</summary>
    public ExplainedAnswer? Answer { get; init; }

    /// <summary>Where the request may be sent.</summary>
    public ImmutableArray<ExplainedDestination> Destinations { get; init; } = [];
}

/// <summary>A route that is not the request's.</summary>
/// <param name="Name">The route's.</param>
/// <param name="Reasons">For each of its matches, the first condition that does not hold.</param>
public sealed record PassedRoute(string Name, ImmutableArray<string> Reasons);

/// <summary>An answer of the proxy's own.</summary>
/// <param name="Status">The status.</param>
/// <param name="Flags">The flag in the log, <see cref="ResponseFlag.None"/> for none.</param>
/// <param name="Details">The detail in the log.</param>
/// <param name="Text">What it is, in words.</param>
public sealed record ExplainedAnswer(int Status, ResponseFlag Flags, string Details, string Text);

/// <summary>A destination the request may be sent to.</summary>
/// <param name="ServiceKey">namespace/hostname.</param>
/// <param name="Port">The service's port.</param>
/// <param name="Subset">As the route names it; empty for all endpoints.</param>
/// <param name="Share">Of how many such requests, 0 to 1.</param>
/// <param name="Status">What choosing an endpoint comes to.</param>
/// <param name="Sent">The request as it is sent there.</param>
/// <param name="Endpoints">Those it is chosen among.</param>
public sealed record ExplainedDestination(
    string ServiceKey,
    ushort Port,
    string Subset,
    double Share,
    EndpointStatus Status,
    SentRequest Sent,
    ImmutableArray<ExplainedEndpoint> Endpoints);

/// <summary>A request as it is sent on.</summary>
/// <param name="Method">The method.</param>
/// <param name="Authority">Host, or :authority.</param>
/// <param name="Path">Path and query.</param>
/// <param name="Headers">Its other fields, "name: value".</param>
public sealed record SentRequest(string Method, string Authority, string Path, ImmutableArray<string> Headers);

/// <summary>An endpoint the request may be sent to.</summary>
/// <param name="Workload">Whose it is.</param>
/// <param name="Address">Where it is reached; null where its address is not known here.</param>
/// <param name="IsEjected">It is left out for now, because of how it answered.</param>
/// <param name="IsMutualTls">The way there is encrypted and authenticated, or does not leave the node.</param>
/// <param name="Decision">What its policies say; null for a workload outside the mesh, where nobody judges.</param>
public sealed record ExplainedEndpoint(
    Workload Workload, IPEndPoint? Address, bool IsEjected, bool IsMutualTls, PolicyDecision? Decision)
{
    /// <summary>The limits that the request counts towards there, if policy allows it.</summary>
    public ImmutableArray<CompiledRateLimit> Limits { get; init; } = [];
}

/// <summary>Explains requests.</summary>
public interface IRequestExplainer
{
    /// <summary>Says what would become of a request. Any thread.</summary>
    /// <exception cref="FormatException">The question cannot be answered; the message names what of it is wrong.</exception>
    Explanation Explain(ExplainQuestion question);
}
