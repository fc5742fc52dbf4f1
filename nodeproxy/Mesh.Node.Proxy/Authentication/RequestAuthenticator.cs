using System.Runtime.CompilerServices;
using Mesh.Node.Model.Policies.Tokens;
using Mesh.Node.Model.Routing;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Tokens;
using Mesh.Node.Proxy.Http.Exchanges;
using Mesh.Node.Transport.EventLoops;

namespace Mesh.Node.Proxy.Authentication;

/// <summary>
/// Decides whether the tokens of a request are good, and writes into the request what the application is told of them (reference B.8).
/// Used for one request after another. Lives on one loop; a token that was seen before costs its hash and no allocation.
/// </summary>
/// <remarks>
/// A rule is satisfied when it accepts every token where it looks for them, and it has no opinion where there is none. A request passes
/// when some rule is satisfied, or none has an opinion; its identity is that of the first that is satisfied.
/// </remarks>
/// <param name="loop">The loop.</param>
/// <param name="worker">Verifies what was not seen before.</param>
/// <param name="cache">What was, on this loop.</param>
internal sealed class RequestAuthenticator(EventLoop loop, TokenWorker worker, TokenCache cache)
{
    /// <summary>Tokens a rule may find in a request.</summary>
    private const int TokensMax = 4;

    private readonly TokenJob _job = new(loop);
    private readonly List<RefusedToken> _refused = [];

    /// <summary>What says who asks; null where no token does.</summary>
    public VerifiedToken? Token { get; private set; }

    /// <summary>Decides about a request.</summary>
    /// <param name="rules">All that apply.</param>
    /// <param name="head">The request; it is changed when it passes.</param>
    /// <returns>The answer to a request that does not pass; null for one that does.</returns>
    public ValueTask<LocalAnswer?> AuthenticateAsync(TokenRules rules, RequestHead head)
    {
        Forget();
        if (IsPreflight(head))
        {
            Tell(rules, head);
            return default;
        }

        TokenFault fault = Look(rules, head, out TokenRule? asked, out TokenPlace place);
        return asked is null ? ValueTask.FromResult(Decide(rules, head, fault)) : VerifyAsync(rules, head, asked, place);
    }

    /// <summary>The request is over.</summary>
    public void Forget()
    {
        Token = null;
        _refused.Clear();
    }

    /// <summary>Asks about each token that is not known, until all is decided.</summary>
    [AsyncMethodBuilder(typeof(LoopTaskBuilder<>))]
    private async ValueTask<LocalAnswer?> VerifyAsync(TokenRules rules, RequestHead head, TokenRule? asked, TokenPlace place)
    {
        TokenFault fault = TokenFault.None;
        while (asked is not null)
        {
            TokenHash hash = TokenHash.Of(TokenPlaces.TokenAt(head, in place));
            if (!await _job.VerifyAsync(worker, TokenPlaces.TokenAt(head, in place), asked))
            {
                return TokenAnswers.Overloaded;
            }

            if (_job.Token is VerifiedToken accepted)
            {
                cache.Add(in hash, accepted);
            }
            else
            {
                _refused.Add(new RefusedToken(hash, asked, _job.Fault));
            }

            fault = Look(rules, head, out asked, out place);
        }

        return Decide(rules, head, fault);
    }

    private LocalAnswer? Decide(TokenRules rules, RequestHead head, TokenFault fault)
    {
        _refused.Clear();
        if (fault != TokenFault.None)
        {
            return TokenAnswers.Of(fault);
        }

        Tell(rules, head);
        return null;
    }

    /// <summary>A browser asks without the user's token whether it may ask with it.</summary>
    private static bool IsPreflight(RequestHead head) =>
        head.Method.SequenceEqual("OPTIONS"u8) && head.Fields.IndexOf("origin"u8) >= 0
        && head.Fields.IndexOf("access-control-request-method"u8) >= 0;

    /// <summary>Decides by what is known of the request's tokens, as far as that goes.</summary>
    /// <param name="rules">All that apply.</param>
    /// <param name="head">The request.</param>
    /// <param name="asked">The rule that must be asked about a token first; null when all is decided.</param>
    /// <param name="place">Where that token is.</param>
    private TokenFault Look(TokenRules rules, RequestHead head, out TokenRule? asked, out TokenPlace place)
    {
        double nowSeconds = worker.NowSeconds;
        Span<TokenPlace> places = stackalloc TokenPlace[TokensMax];
        TokenFault worst = TokenFault.None;
        foreach (TokenRule rule in rules.All)
        {
            int count = TokenPlaces.Find(rule, head, places);
            if (count == 0)
            {
                continue;
            }

            VerifiedToken? accepted = null;
            TokenFault fault = count > TokensMax ? TokenFault.TooMany : TokenFault.None;
            for (int index = 0; index < count && fault == TokenFault.None; index++)
            {
                place = places[index];
                if (!TryRecall(rule, TokenPlaces.TokenAt(head, in place), nowSeconds, ref accepted, out fault))
                {
                    asked = rule;
                    return TokenFault.None;
                }
            }

            if (fault == TokenFault.None)
            {
                Token = accepted;
                (asked, place) = (null, default);
                return TokenFault.None;
            }

            // That another rule is not about its issuer says nothing of a token one rule is about.
            worst = worst is TokenFault.None or TokenFault.UnknownIssuer ? fault : worst;
        }

        (asked, place) = (null, default);
        return worst;
    }

    /// <summary>What is known of a token; false when it must be verified.</summary>
    private bool TryRecall(
        TokenRule rule, ReadOnlySpan<byte> text, double nowSeconds, ref VerifiedToken? accepted, out TokenFault fault)
    {
        TokenHash hash = TokenHash.Of(text);
        if (cache.Find(in hash, rule, out VerifiedToken? ofOthers) is VerifiedToken known)
        {
            accepted ??= known;
            fault = known.FaultAt(nowSeconds);
            return true;
        }

        foreach (RefusedToken refused in _refused)
        {
            if (ReferenceEquals(refused.Rule, rule) && refused.Hash == hash)
            {
                fault = refused.Fault;
                return true;
            }
        }

        fault = ofOthers?.FaultUnder(rule) ?? TokenFault.None;
        return fault != TokenFault.None;
    }

    private void Tell(TokenRules rules, RequestHead head)
    {
        foreach (HeaderName output in rules.Outputs)
        {
            head.Fields.Remove(output.Bytes);
        }

        if (Token is not VerifiedToken token)
        {
            return;
        }

        if (!token.Rule.ForwardsToken)
        {
            TokenPlaces.RemoveAll(token.Rule, head);
        }

        if (token.Rule.PayloadField is HeaderName payload)
        {
            head.Fields.Set(payload.Bytes, token.Payload);
        }

        for (int index = 0; index < token.ClaimValues.Length; index++)
        {
            if (token.ClaimValues[index] is byte[] value)
            {
                head.Fields.Set(token.Rule.ClaimFields[index].Name.Bytes, value);
            }
        }
    }

    private readonly record struct RefusedToken(TokenHash Hash, TokenRule Rule, TokenFault Fault);
}
