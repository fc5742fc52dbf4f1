using System.Runtime.CompilerServices;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Proxy.Http.Exchanges;
using Mesh.Node.Proxy.Http.Outbound;
using Mesh.Node.Proxy.Pods;
using Mesh.Node.Transport.EventLoops;

namespace Mesh.Node.Proxy.Authorizers;

/// <summary>
/// A question to an authorizer: a request of the pod it is about, sent as the pod's own would be, under its identity, with the circuit and
/// health of where it goes. No route concerns it.
/// </summary>
/// <remarks>Used for one question after another. Lives on its loop.</remarks>
internal sealed class CheckExchange(OutboundServer server) : OutboundExchange(server)
{
    private TimeSpan _timeLimit;

    /// <summary>Whether the authorizer itself has answered.</summary>
    public bool IsOfAuthorizer { get; private set; }

    /// <summary>No authorizer is asked whether an authorizer may be asked: that would never end.</summary>
    protected override EnrolledPod? Asker => null;

    /// <summary>Asks, and waits for what becomes of it.</summary>
    public ValueTask AskAsync(CheckClient client, TimeSpan timeLimit)
    {
        _timeLimit = timeLimit;
        IsOfAuthorizer = false;
        return ServeAsync(client);
    }

    [AsyncMethodBuilder(typeof(LoopTaskBuilder))]
    protected override async ValueTask DecideAsync()
    {
        Forget();
        Record.SetRequest(Client.Request);
        LimitRequest(_timeLimit);
        if (Record.Service!.LoadBalancing.Mode == LoadBalancingMode.Passthrough)
        {
            // It leads to wherever its client wanted to go, and this one wants to go nowhere.
            await AnswerAsync(LocalAnswer.NoDestination);
            return;
        }

        await ForwardAsync(null);
    }

    protected override void ChangeAnswer(bool isOfUpstream) => IsOfAuthorizer = isOfUpstream;

    protected override void Recycle()
    {
    }
}
