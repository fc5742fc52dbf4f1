using System.Runtime.CompilerServices;
using Mesh.Node.Model.Policies;
using Mesh.Node.Model.Policies.Authorizers;
using Mesh.Node.Model.Policies.Requests;
using Mesh.Node.Model.Policies.Tokens;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Proxy.Authentication;
using Mesh.Node.Proxy.Authorizers;
using Mesh.Node.Proxy.Http;
using Mesh.Node.Proxy.Http.Exchanges;
using Mesh.Node.Proxy.Loops;
using Mesh.Node.Proxy.Telemetry;
using Mesh.Node.Proxy.Telemetry.Requests;
using Mesh.Node.Transport.EventLoops;

namespace Mesh.Node.Proxy.Enforcement;

/// <summary>
/// Lets a request in at the destination's side, or not: 1. nothing is missing that could decide, 2. the authorizers that are to be asked
/// allow it, 3. its tokens are good, 4. policy allows it, 5. its allowance is not used up. Used for one request after another. Lives on one
/// loop.
/// </summary>
internal sealed class RequestAdmission(LoopContext context)
{
    private readonly RequestAuthenticator _authenticator = new(context.Loop, context.Services.Tokens, context.Tokens);
    private AuthorizationCheck? _check;
    private AuthorizerAnswers? _allowedBy;
    private HeaderList? _answerFields;
    private bool _isJudged;

    /// <summary>Decides about a request, which has entered the gate.</summary>
    /// <param name="gate">What it must pass.</param>
    /// <param name="head">The request as it will be forwarded; what tokens tell the application is written into it.</param>
    /// <param name="source">The client's workload.</param>
    /// <param name="record">Learns why it is denied.</param>
    /// <param name="request">The request as authorizers are asked about it.</param>
    /// <returns>The answer to a request that is not let in; null for one that is.</returns>
    [AsyncMethodBuilder(typeof(LoopTaskBuilder<>))]
    public async ValueTask<LocalAnswer?> AdmitAsync(
        RequestGate gate, RequestHead head, Workload? source, RequestRecord record, IAuthorizedRequest request)
    {
        Forget();
        if (gate.IsPending)
        {
            await gate.WaitUntilDecidableAsync(context, TimeSpan.FromMilliseconds(context.Services.Options.ConfigurationWaitMs));
        }

        if (gate.AsksAuthorizers && await AskAsync(gate, head, source, request) is LocalAnswer unauthorized)
        {
            return unauthorized;
        }

        TokenRules rules = gate.TokenRules;
        if (!rules.IsEmpty && await _authenticator.AuthenticateAsync(rules, head) is LocalAnswer refused)
        {
            return refused;
        }

        _isJudged = true;
        PolicyDecision decision = Judge(gate, head, source);
        if (decision.DryRunOutcome is not null && PolicyText.DryRunOf(in decision) is DryRunResult result)
        {
            context.Telemetry.DryRun(result);
            record.DryRun = result;
            record.DryRunDecidedBy = decision.DryRunDecidedBy;
        }

        if (decision.Outcome == PolicyOutcome.Allowed)
        {
            var facts = new RequestFacts(head, source, context.Joined);
            RequestOrigin origin = OriginOf(gate);
            return gate.TryTake(in origin, in facts) ? null : LocalAnswer.RateLimited;
        }

        record.Details = PolicyText.DetailOf(decision);
        return LocalAnswer.Denied;
    }

    /// <summary>Decides again about a request that was let in. One that is not judged yet will be, by what is in force then.</summary>
    public PolicyDecision JudgeAgain(RequestGate gate, RequestHead head, Workload? source) =>
        _isJudged ? Judge(gate, head, source) : default(PolicyDecision) with { Outcome = PolicyOutcome.Pending };

    /// <summary>The request is to end: no authorizer is asked about it any more. False when none was.</summary>
    public bool TryEndCheck() => _check is not null && _check.TryCancel();

    /// <summary>Adds what authorizers have the client told.</summary>
    public void ChangeAnswer(HeaderList fields)
    {
        for (int i = 0; i < _answerFields?.Count; i++)
        {
            fields.Add(_answerFields[i].Name, _answerFields[i].Value);
        }
    }

    /// <summary>The request is over: what is known of who asked is let go.</summary>
    public void Forget()
    {
        _isJudged = false;
        _allowedBy?.Clear();
        _answerFields?.Clear();
        _authenticator.Forget();
    }

    /// <summary>Asks the authorizers of the rules that match, one after another: each must allow it.</summary>
    [AsyncMethodBuilder(typeof(LoopTaskBuilder<>))]
    private async ValueTask<LocalAnswer?> AskAsync(RequestGate gate, RequestHead head, Workload? source, IAuthorizedRequest request)
    {
        _allowedBy ??= new AuthorizerAnswers();
        _answerFields ??= new HeaderList();
        while (FindUnasked(gate, head, source) is { Policy.Authorizer: Authorizer authorizer })
        {
            _check ??= new AuthorizationCheck(context);
            if (await _check.AskAsync(authorizer, gate, head, request, _answerFields) is LocalAnswer refused)
            {
                return refused;
            }

            _allowedBy.Add(authorizer);
        }

        return null;
    }

    private PolicyRuleName? FindUnasked(RequestGate gate, RequestHead head, Workload? source)
    {
        var facts = new RequestFacts(head, source, context.Joined);
        return gate.FindUnasked(in facts, _allowedBy!);
    }

    private PolicyDecision Judge(RequestGate gate, RequestHead head, Workload? source)
    {
        var facts = new RequestFacts(head, source, context.Joined);
        return gate.Judge(OriginOf(gate), in facts, _allowedBy);
    }

    private RequestOrigin OriginOf(RequestGate gate)
    {
        // An issuer nobody accepts any more says nothing any more.
        VerifiedToken? token = _authenticator.Token;
        IRequestIdentity? identity = token is not null && gate.TokenRules.Accepts(token.Issuer) ? token : null;
        return new RequestOrigin(gate.Facts.Source, identity);
    }
}
