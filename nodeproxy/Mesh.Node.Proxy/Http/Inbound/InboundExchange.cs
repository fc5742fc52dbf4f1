using System.Runtime.CompilerServices;
using Mesh.Node.Model.Policies;
using Mesh.Node.Model.Retries;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Proxy.Authorizers;
using Mesh.Node.Proxy.Enforcement;
using Mesh.Node.Proxy.Http.Content;
using Mesh.Node.Proxy.Http.Exchanges;
using Mesh.Node.Proxy.Http.Tracing;
using Mesh.Node.Proxy.Http.Upstreams;
using Mesh.Node.Proxy.Pods;
using Mesh.Node.Proxy.Telemetry;
using Mesh.Node.Transport.EventLoops;

namespace Mesh.Node.Proxy.Http.Inbound;

/// <summary>
/// A request to an application of a pod. 1. Written as the application will read it. 2. Judged in that form. 3. Given to the application,
/// once: whether it is sent again is its client's matter.
/// </summary>
internal sealed class InboundExchange(InboundServer server) : ProxiedExchange(server.Context, server.Pod), IOpenRequest, IAuthorizedRequest
{
    private readonly RequestAdmission _admission = new(server.Context);

    protected override ConnectionRecord Connection => server.Connection;

    EnrolledPod? IAuthorizedRequest.Destination => server.Pod;

    RequestContent IAuthorizedRequest.Content => Content;

    BodyFraming IAuthorizedRequest.Body => Client.Request.Body;

    ValueTask<ContentStatus> IAuthorizedRequest.TakeContentAsync(long bytesMax) => TakeAheadAsync(bytesMax);

    PolicyDecision IOpenRequest.JudgeAgain(RequestGate gate) => _admission.JudgeAgain(gate, Head, Connection.Source);

    void IOpenRequest.Revoke(in PolicyDecision decision) => EndBy(LocalAnswer.Denied, PolicyText.DetailOf(decision));

    [AsyncMethodBuilder(typeof(LoopTaskBuilder))]
    protected override async ValueTask DecideAsync()
    {
        Record.Port = server.Port;
        RequestIdentifiers.Ensure(Client.Request, ref Context.Random);
        TraceFields.Complete(Client.Request.Fields);
        Record.SetRequest(Client.Request);
        Head.CopyFrom(Client.Request);
        InboundFields.Rewrite(Head, Connection.SourceIdentity, Connection.DestinationIdentity);
        if (!RequestPaths.TryNormalize(Head))
        {
            await AnswerAsync(LocalAnswer.BadPath);
            return;
        }

        server.Gate.Enter(this);
        try
        {
            if (await _admission.AdmitAsync(server.Gate, Head, Connection.Source, Record, this) is LocalAnswer refused)
            {
                await AnswerAsync(IsCut ? AnswerOfCut() : refused);
                return;
            }

            await ForwardAsync();
        }
        finally
        {
            server.Gate.Leave(this);
        }
    }

    protected override bool TryEndCheck() => _admission.TryEndCheck();

    protected override void ChangeAnswer(bool isOfUpstream) => _admission.ChangeAnswer(Response.Fields);

    protected override void OnCompleted()
    {
        _admission.Forget();
        server.Recycle(this);
    }

    [AsyncMethodBuilder(typeof(LoopTaskBuilder))]
    private async ValueTask ForwardAsync()
    {
        // The application is spoken to as its client speaks.
        bool isHttp2 = Client.Request.Protocol == HttpProtocol.Http2;
        BeginAttempt(limit: null);
        Attempt attempt = await AttemptAsync(server.ApplicationBy(isHttp2), isFresh: false, server);
        if (((attempt.IsStale && CanSendAgain) || attempt.WantsHttp1) && !IsCut)
        {
            await DropUpstreamAsync();
            UpstreamGroup application = server.ApplicationBy(isHttp2 && !attempt.WantsHttp1);
            attempt = await AttemptAsync(application, isFresh: !attempt.IsRefused, server);
        }

        if (!IsCut && attempt.Outcome.Kind == AttemptOutcomeKind.Answered)
        {
            await RelayAnswerAsync();
            return;
        }

        await DropUpstreamAsync();
        await AnswerAsync(AnswerOfCut());
    }
}
