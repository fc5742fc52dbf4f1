using System.Net;

namespace Mesh.Control.Serving.Authentication;

/// <summary>Tokens that were not made here and prove which node somebody is. Any thread.</summary>
public interface INodeTokens
{
    /// <param name="token">As presented.</param>
    /// <param name="from">Who presents it; null when nobody knows.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    Task<RecognisedToken> RecogniseAsync(string token, IPAddress? from, CancellationToken cancellation);
}

/// <summary>What was found out about a token.</summary>
/// <param name="Caller">Whose it is; null when it is not taken.</param>
/// <param name="Problem">Why it is not taken, for the caller to read.</param>
/// <param name="IsUnavailable">Nobody can say now; the caller may ask again.</param>
public sealed record RecognisedToken(NodeCaller? Caller, string Problem, bool IsUnavailable)
{
    public static RecognisedToken Of(NodeCaller caller) => new(caller, string.Empty, IsUnavailable: false);

    public static RecognisedToken Refused(string problem) => new(Caller: null, problem, IsUnavailable: false);

    public static RecognisedToken Unavailable(string problem) => new(Caller: null, problem, IsUnavailable: true);
}
