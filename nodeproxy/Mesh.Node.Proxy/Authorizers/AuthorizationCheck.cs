using System.Net;
using System.Runtime.CompilerServices;
using Mesh.Node.Model;
using Mesh.Node.Model.Policies.Authorizers;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Proxy.Enforcement;
using Mesh.Node.Proxy.Http.Content;
using Mesh.Node.Proxy.Http.Exchanges;
using Mesh.Node.Proxy.Http.Outbound;
using Mesh.Node.Proxy.Loops;
using Mesh.Node.Proxy.Outbound;
using Mesh.Node.Proxy.Pods;
using Mesh.Node.Proxy.Telemetry;
using Mesh.Node.Proxy.Telemetry.Requests;
using Mesh.Node.Transport.EventLoops;

namespace Mesh.Node.Proxy.Authorizers;

/// <summary>
/// Asks authorizers about requests, one after another, in the name of the pod the request is for: over the connections and tunnels that pod
/// has anyway, under its own identity. Nothing waits longer than the authorizer's time limit. Lives on one loop.
/// </summary>
internal sealed class AuthorizationCheck(LoopContext context)
{
    private readonly CheckClient _client = new();
    private CheckExchange? _exchange;
    private OutboundServer? _server;

    /// <summary>Asks about a request.</summary>
    /// <param name="authorizer">Who is asked.</param>
    /// <param name="gate">What the request must pass.</param>
    /// <param name="head">The request as it will be forwarded; changed as an answer that allows says.</param>
    /// <param name="request">Its content, and whose proxy asks.</param>
    /// <param name="answerFields">Gets what the client is to be told beside the application's answer.</param>
    /// <returns>The answer to a request that is not let in; null for one that is.</returns>
    [AsyncMethodBuilder(typeof(LoopTaskBuilder<>))]
    public async ValueTask<LocalAnswer?> AskAsync(
        Authorizer authorizer, RequestGate gate, RequestHead head, IAuthorizedRequest request, HeaderList answerFields)
    {
        if (head.IsConnect && authorizer.Protocol != AuthorizerProtocol.Grpc)
        {
            // There is no question about a tunnel over HTTP, and who asks for one is not to choose that nobody is asked.
            context.Requests.Checked(CheckResult.Failed);
            return LocalAnswer.AuthorizerFailed(authorizer.StatusOnFailure);
        }

        byte[] content = [];
        bool isPartial = false;
        if (authorizer.Content is CheckedContent settings && request.Body.HasContent)
        {
            (LocalAnswer? refusal, isPartial) = await TakeAsync(settings, request);
            if (refusal is not null)
            {
                context.Requests.Checked(CheckResult.NotAsked);
                return refusal;
            }

            content = new byte[Math.Min(request.Content.TakenBytes, settings.BytesMax)];
            request.Content.CopyTaken(content);
        }

        if (!TryPrepare(authorizer, gate, head, request, content, isPartial))
        {
            return Failed(authorizer);
        }

        await _exchange!.AskAsync(_client, authorizer.Timeout);
        if (_client.HasLeft)
        {
            context.Requests.Checked(CheckResult.NotAsked);
            return LocalAnswer.Denied;
        }

        if (!_client.IsAnswered || !_exchange.IsOfAuthorizer)
        {
            return Failed(authorizer);
        }

        CheckOutcome outcome = authorizer.Protocol == AuthorizerProtocol.Grpc
            ? CheckAnswers.ReadGrpc(_client, head, answerFields)
            : CheckAnswers.ReadHttp(authorizer, _client, head, answerFields);
        if (outcome.Result == CheckResult.Failed)
        {
            return Failed(authorizer);
        }

        context.Requests.Checked(outcome.Result);
        return outcome.Refusal;
    }

    /// <summary>The request has ended: its question is given up. False when none is asked.</summary>
    public bool TryCancel() => _client.TryLeave();

    private LocalAnswer? Failed(Authorizer authorizer)
    {
        context.Requests.Checked(authorizer.FailsOpen ? CheckResult.FailedOpen : CheckResult.Failed);
        return authorizer.FailsOpen ? null : LocalAnswer.AuthorizerFailed(authorizer.StatusOnFailure);
    }

    /// <summary>Takes what is told of the content, and a byte more to know whether there is one.</summary>
    private static async ValueTask<(LocalAnswer? Refusal, bool IsPartial)> TakeAsync(CheckedContent settings, IAuthorizedRequest request)
    {
        if (!settings.MayBePartial && request.Body.ContentBytes > settings.BytesMax)
        {
            return (LocalAnswer.ContentTooLarge, true);
        }

        switch (await request.TakeContentAsync(settings.MayBePartial ? settings.BytesMax : settings.BytesMax + 1L))
        {
            case ContentStatus.End:
                break;
            case ContentStatus.Content when settings.MayBePartial:
                break;
            case ContentStatus.Content:
                return (LocalAnswer.ContentTooLarge, true);
            default:
                return (LocalAnswer.Malformed, true);
        }

        return request.Content.CanRewind
            ? (null, request.Content.TakenBytes > settings.BytesMax || !request.Content.IsSourceComplete)
            : (LocalAnswer.Overloaded, true);
    }

    /// <summary>Makes the question ready; false where it cannot be asked.</summary>
    private bool TryPrepare(
        Authorizer authorizer, RequestGate gate, RequestHead head, IAuthorizedRequest request, byte[] content, bool isPartial)
    {
        MeshSnapshot snapshot = context.Snapshot;
        if (request.Destination is not EnrolledPod pod || pod.FindWorkload(snapshot) is not Workload asker
            || snapshot.FindService(authorizer.ServiceKey) is not Service service)
        {
            return false;
        }

        if (_exchange is null || _server is null
            || !ReferenceEquals(_server.Origin.Pod, pod) || !ReferenceEquals(_server.Origin.Source, asker)
            || !ReferenceEquals(_server.Service, service) || _server.Port != authorizer.Port)
        {
            _server = ServerOf(authorizer, gate, pod, asker, service);
            _exchange = new CheckExchange(_server);
        }

        if (authorizer.Protocol == AuthorizerProtocol.Grpc)
        {
            byte[] message = GrpcCheck.WriteMessage(
                in gate.Facts, asker.Identity, head, request.Body, content, authorizer.Content, isPartial, TimeProvider.System.GetUtcNow());
            GrpcCheck.WriteHead(authorizer, service.Hostname, message.Length, _client.Request);
            _client.Begin(message);
            return true;
        }

        _client.Begin(content);
        return HttpCheck.TryWrite(authorizer, service.Hostname, head, content, isPartial, _client.Request);
    }

    private OutboundServer ServerOf(Authorizer authorizer, RequestGate gate, EnrolledPod pod, Workload asker, Service service)
    {
        // The address by which the pod was reached is one of its own.
        var client = new IPEndPoint(gate.Facts.Destination.ToIPAddress(), 0);
        var record = new ConnectionRecord(ConnectionPath.Outbound, client, destination: null, context.Loop.NowMs)
        {
            Source = asker,
            SourceIdentity = asker.Identity,
            Service = service,
        };
        return new OutboundServer(new OutboundOrigin(context, pod, asker, client), record, DialledPort.Of(service, authorizer.Port));
    }
}
