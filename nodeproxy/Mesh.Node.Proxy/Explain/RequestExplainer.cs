using System.Buffers;
using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Mesh.Node.Model;
using Mesh.Node.Model.Balancing;
using Mesh.Node.Model.Policies;
using Mesh.Node.Model.Policies.Authorizers;
using Mesh.Node.Model.Policies.Limits;
using Mesh.Node.Model.Policies.Requests;
using Mesh.Node.Model.Routing;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http1;
using Mesh.Node.Proxy.Config;
using Mesh.Node.Proxy.Http;
using Mesh.Node.Proxy.Http.Destinations;
using Mesh.Node.Proxy.Http.Exchanges;
using Mesh.Node.Proxy.Http.Inbound;
using Mesh.Node.Proxy.Http.Outbound;
using Mesh.Node.Proxy.Telemetry.Requests;

namespace Mesh.Node.Proxy.Explain;

/// <summary>
/// Explains requests with what decides them: the reader of requests, the tables of routes, destinations with their health, and the
/// evaluator of policies. Sends nothing and counts nothing. Any thread.
/// </summary>
/// <param name="configuration">What is in force.</param>
/// <param name="destinations">What the node knows of where requests go.</param>
/// <param name="clock">The loops' milliseconds.</param>
internal sealed class RequestExplainer(IConfigurationReader configuration, DestinationRegistry destinations, Func<long> clock)
    : IRequestExplainer
{
    private static readonly Http1Options s_limits = new();

    /// <inheritdoc/>
    public Explanation Explain(ExplainQuestion question)
    {
        ArgumentNullException.ThrowIfNull(question);
        MeshSnapshot snapshot = configuration.Current;
        if (!snapshot.IsComplete)
        {
            throw new FormatException("The first complete configuration has not arrived: nothing is decided yet.");
        }

        Workload source = FindSource(snapshot, question.From);
        Service? service = FindService(snapshot, question.Host, source);
        var request = new RequestHead();
        Read(question, request);
        var explanation = new Explanation(question, source)
        {
            Service = service,
            Protocol = service is null ? PortProtocol.Detect : snapshot.ProtocolOf(service.Key, question.Port),
            Path = Encoding.UTF8.GetString(request.Path),
        };
        if (!RequestPaths.TryNormalize(request))
        {
            return explanation with { Answer = Told(LocalAnswer.BadPath) };
        }

        explanation = explanation with { Path = Encoding.UTF8.GetString(request.Path), Unread = ReasonUnread(explanation) };
        return service is null
            ? explanation with { Destinations = [DescribeDialled(snapshot, explanation, request)] }
            : Route(snapshot, explanation, service, request);
    }

    private static Workload FindSource(MeshSnapshot snapshot, string from)
    {
        if (snapshot.FindWorkload(from) is Workload known)
        {
            return known;
        }

        Workload[] named = [.. snapshot.Workloads.Where(workload => $"{workload.Namespace}/{workload.Name}" == from)];
        return named.Length switch
        {
            1 => named[0],
            0 => throw new FormatException($"from: no workload is called '{from}'; write NAMESPACE/POD."),
            _ => throw new FormatException(
                $"from: '{from}' names several workloads; write a uid: {string.Join(", ", named.Select(workload => workload.Uid))}."),
        };
    }

    /// <summary>What a client reaches at a name or an address; a name is completed as a resolver in a pod does.</summary>
    private static Service? FindService(MeshSnapshot snapshot, string host, Workload source)
    {
        if (IPAddress.TryParse(host, out IPAddress? address))
        {
            Service? owner = snapshot.FindServiceByAddress(source.Network, address, source.Namespace);
            return owner is null && snapshot.FindWorkload(source.Network, address) is null
                ? throw new FormatException($"to: no service and no workload has the address {host}.")
                : owner;
        }

        if (snapshot.FindServiceByHostname(host, source.Namespace) is Service exact)
        {
            return exact;
        }

        bool isQualified = host.Contains('.', StringComparison.Ordinal);
        Service[] completed =
        [
            .. snapshot.Services.Select(endpoints => endpoints.Service!).Where(service => service.IsVisibleFrom(source.Namespace)
                && (service.Hostname.StartsWith($"{host}.{source.Namespace}.", StringComparison.Ordinal)
                    || (isQualified && service.Hostname.StartsWith($"{host}.", StringComparison.Ordinal)))),
        ];
        return completed.Length switch
        {
            1 => completed[0],
            0 => throw new FormatException($"to: no service that {source.Namespace} may see is called '{host}'."),
            _ => throw new FormatException(
                $"to: '{host}' may be {string.Join(" or ", completed.Select(service => service.Hostname))}; write one of them."),
        };
    }

    /// <summary>Reads the request as it would be read from a client.</summary>
    private static void Read(ExplainQuestion question, RequestHead head)
    {
        var text = new StringBuilder();
        text.Append(Line("method", question.Method)).Append(' ').Append(Line("path", question.Path)).Append(" HTTP/1.1\r\n");
        text.Append("host: ").Append(Line("host", question.Authority)).Append("\r\n");
        foreach ((string name, string value) in question.Headers)
        {
            text.Append(Line("header", name)).Append(": ").Append(Line("header", value)).Append("\r\n");
        }

        text.Append("\r\n");
        var input = new ReadOnlySequence<byte>(Encoding.UTF8.GetBytes(text.ToString()));
        var reader = new Http1RequestReader(s_limits);
        if (reader.Read(ref input, head) != Http1ReadStatus.Complete)
        {
            throw new FormatException($"The request would be refused: {Http1Refusals.TextOf(reader.Refusal)}");
        }

        static string Line(string parameter, string part) => part.AsSpan().ContainsAny('\r', '\n')
            ? throw new FormatException($"{parameter}: a line's end is no part of it.")
            : part;
    }

    private static string? ReasonUnread(Explanation explanation) => explanation switch
    {
        { Service: null } => "no service owns the address",
        { Service: { Waypoint: not null } or { WeightedWaypoints.IsEmpty: false } } => "the service asks for a waypoint",
        { Protocol: PortProtocol.Tcp } => "the port is declared TCP",
        { Protocol: PortProtocol.Tls } => "the port is declared the application's own TLS",
        _ => null,
    };

    private Explanation Route(MeshSnapshot snapshot, Explanation explanation, Service service, RequestHead request)
    {
        ushort port = explanation.Question.Port;
        Workload source = explanation.Source;
        RouteTable? routes = explanation.Unread is null ? snapshot.FindTraffic(service.Key)?.RoutesOf(port, source.Namespace) : null;
        if (routes is null)
        {
            var itself = new WeightedDestination(service.Key, port, "", 1);
            return explanation with { Destinations = [Describe(snapshot, explanation, request, null, itself, 1)] };
        }

        var facts = new RequestFacts(request, source, new byte[2 * s_limits.FieldsBytesMax]);
        bool isFound = routes.TryFind(in facts, out Route? route, out RouteMatch? match);
        explanation = explanation with
        {
            Route = route,
            Match = ReferenceEquals(match, RouteMatch.Everything) ? null : match,
            Passed = RouteReasons.Of(routes, route, in facts),
        };
        if (!isFound)
        {
            return explanation with { Answer = Told(LocalAnswer.NoRoute) };
        }

        switch (route!.Action)
        {
            case RedirectAction redirect:
                var location = new ArrayBufferWriter<byte>();
                if (!redirect.TryWriteLocation(in facts, match!, location))
                {
                    return explanation with { Answer = Told(LocalAnswer.RewrittenTooLong) };
                }

                return explanation with
                {
                    Answer = new ExplainedAnswer(
                        redirect.Status,
                        ResponseFlag.None,
                        ResponseDetails.DirectResponse,
                        $"the route redirects to {Encoding.UTF8.GetString(location.WrittenSpan)}"),
                };
            case DirectResponseAction direct:
                return explanation with
                {
                    Answer = new ExplainedAnswer(
                        direct.Status, ResponseFlag.None, ResponseDetails.DirectResponse, "the route answers by itself"),
                };
            default:
                return Forward(snapshot, explanation, (ForwardAction)route.Action, match, request);
        }
    }

    private Explanation Forward(
        MeshSnapshot snapshot, Explanation explanation, ForwardAction forward, RouteMatch? match, RequestHead request)
    {
        // The path becomes the same for every destination.
        var facts = new MessageFacts { Request = request };
        if (!RouteChanges.TryApply(request, new RequestHead(), explanation.Route, match, null, facts, new ArrayBufferWriter<byte>()))
        {
            return explanation with { Answer = Told(LocalAnswer.RewrittenTooLong) };
        }

        WeightedDestinations all = forward.Destinations;
        var health = new DestinationHealth(destinations, snapshot, explanation.Source, clock());
        double[] weights = new double[all.Destinations.Length];
        for (int i = 0; i < weights.Length; i++)
        {
            bool isUsable = all.KeepsUnusable || health.IsUsable(all.Destinations[i]);
            weights[i] = !isUsable ? 0 : weights.Length == 1 ? 1 : all.Destinations[i].Weight;
        }

        double total = weights.Sum();
        bool isNowhere = all.KeepsUnusable && weights.Index().All(share => share.Item == 0 || all.Destinations[share.Index].LeadsNowhere);
        return explanation with
        {
            Answer = total == 0 ? Told(LocalAnswer.NoEndpoint) : isNowhere ? Told(LocalAnswer.NoBackend) : null,
            Destinations =
            [
                .. all.Destinations.Select((destination, i) =>
                    Describe(snapshot, explanation, request, match, destination, total == 0 ? 0 : weights[i] / total)),
            ],
        };
    }

    private ExplainedDestination Describe(
        MeshSnapshot snapshot,
        Explanation explanation,
        RequestHead request,
        RouteMatch? match,
        WeightedDestination destination,
        double share)
    {
        var sent = new RequestHead();
        var facts = new MessageFacts { Request = request };
        _ = RouteChanges.TryApply(request, sent, explanation.Route, match, destination, facts, new ArrayBufferWriter<byte>());
        Workload source = explanation.Source;
        CandidateSet candidates =
            EndpointPicker.Find(snapshot, destination.ServiceKey, destination.Port, destination.Subset, source);
        HashSet<string> ejected =
            [.. destinations.ListEjected(snapshot, destination, source)];
        AddressFamily family = IPAddress.TryParse(explanation.Question.Host, out IPAddress? dialled)
            ? dialled.AddressFamily
            : AddressFamily.InterNetwork;
        return new ExplainedDestination(
            destination.ServiceKey,
            destination.Port,
            destination.Subset,
            share,
            candidates.Status,
            Describe(sent),
            [
                .. Enumerable.Range(0, candidates.Count).Select(index =>
                    Describe(snapshot, explanation, sent, candidates.ChoiceOf(index, family), ejected)),
            ]);
    }

    /// <summary>The workload whose address is dialled itself.</summary>
    private static ExplainedDestination DescribeDialled(MeshSnapshot snapshot, Explanation explanation, RequestHead request)
    {
        ExplainQuestion question = explanation.Question;
        var address = IPAddress.Parse(question.Host);
        var choice = new EndpointChoice
        {
            Status = EndpointStatus.Passthrough,
            Workload = snapshot.FindWorkload(explanation.Source.Network, address),
            Address = address,
            TargetPort = question.Port,
        };
        return new ExplainedDestination(
            "", question.Port, "", 1, choice.Status, Describe(request), [Describe(snapshot, explanation, request, choice, [])]);
    }

    private static ExplainedEndpoint Describe(
        MeshSnapshot snapshot, Explanation explanation, RequestHead sent, in EndpointChoice choice, HashSet<string> ejected)
    {
        Workload endpoint = choice.Workload!;
        Workload source = explanation.Source;
        bool isInMesh = endpoint.TunnelProtocol == TunnelProtocol.Hbone;
        var explained = new ExplainedEndpoint(
            endpoint,
            choice.Address is IPAddress address ? new IPEndPoint(address, choice.TargetPort) : null,
            ejected.Contains(endpoint.Uid),
            isInMesh,
            null);
        return isInMesh && choice.Address is not null ? Judge(explained, snapshot, explanation, sent, source, in choice) : explained;
    }

    /// <summary>Judges as the endpoint's own proxy does: the request as the application would read it.</summary>
    private static ExplainedEndpoint Judge(
        ExplainedEndpoint explained,
        MeshSnapshot snapshot,
        Explanation explanation,
        RequestHead sent,
        Workload source,
        in EndpointChoice choice)
    {
        Workload endpoint = choice.Workload!;
        IPAddress to = choice.Address!;
        IPAddress from = source.Addresses.FirstOrDefault(own => own.AddressFamily == to.AddressFamily) ?? to;
        var connection = new ConnectionFacts(source.Identity, from, to, choice.TargetPort, endpoint.Network);
        if (explanation.Protocol is PortProtocol.Tcp or PortProtocol.Tls)
        {
            return explained with { Decision = PolicyEvaluator.Evaluate(snapshot, endpoint, in connection) };
        }

        var read = new RequestHead();
        read.CopyFrom(sent);
        InboundFields.Rewrite(read, source.Identity, endpoint.Identity);
        RequestPaths.TryNormalize(read);
        var facts = new RequestFacts(read, source, new byte[2 * s_limits.FieldsBytesMax]);
        RequestOrigin origin = RequestOrigin.Of(in connection);
        ImmutableArray<CompiledRateLimit>.Builder limits = ImmutableArray.CreateBuilder<CompiledRateLimit>();
        foreach (CompiledRateLimit limit in PolicyEvaluator.RateLimitsOf(snapshot, endpoint))
        {
            if (limit.Matches(in connection, in origin, in facts))
            {
                limits.Add(limit);
            }
        }

        return explained with
        {
            Decision = DecisionOf(snapshot, endpoint, in connection, in origin, in facts),
            Limits = limits.ToImmutable(),
        };
    }

    private static PolicyDecision DecisionOf(
        MeshSnapshot snapshot, Workload endpoint, in ConnectionFacts connection, in RequestOrigin origin, in RequestFacts facts)
    {
        PolicyDecision decision = PolicyEvaluator.Evaluate(snapshot, endpoint, in connection, in origin, in facts);
        if (decision.Reason != PolicyReason.AuthorizerNotAsked)
        {
            return decision;
        }

        // Nobody is asked here; what is denied whatever an authorizer says can be told.
        PolicyDecision otherwise = PolicyEvaluator.Evaluate(
            snapshot, endpoint, in connection, in origin, in facts, AuthorizerAnswers.All);
        return otherwise.IsAllowed ? decision with { Outcome = PolicyOutcome.Depends } : otherwise;
    }

    private static SentRequest Describe(RequestHead head)
    {
        ImmutableArray<string>.Builder headers = ImmutableArray.CreateBuilder<string>(head.Fields.Count);
        for (int i = 0; i < head.Fields.Count; i++)
        {
            Protocols.Http.HeaderField field = head.Fields[i];
            headers.Add($"{Encoding.UTF8.GetString(field.Name)}: {Encoding.UTF8.GetString(field.Value)}");
        }

        return new SentRequest(
            Encoding.UTF8.GetString(head.Method),
            Encoding.UTF8.GetString(head.Authority),
            Encoding.UTF8.GetString(head.Path),
            headers.ToImmutable());
    }

    private static ExplainedAnswer Told(LocalAnswer answer) => new(answer.Status, answer.Flag, answer.Details, answer.Text);
}
