using Mesh.Node.Model.Routing;

namespace Mesh.Node.Model.Policies.Requests;

/// <summary>Judges one request of a connection.</summary>
internal readonly ref struct RequestJudge<TRequest> : IRuleJudge
    where TRequest : IRequestFacts, allows ref struct
{
    private readonly ref readonly ConnectionFacts _facts;
    private readonly ref readonly RequestOrigin _origin;

    // By value: a reference to what may itself hold references cannot be kept.
    private readonly TRequest _request;

    public RequestJudge(ref readonly ConnectionFacts facts, ref readonly RequestOrigin origin, TRequest request)
    {
        _facts = ref facts;
        _origin = ref origin;
        _request = request;
    }

    public bool Matches(CompiledRule rule) => rule.Matches(in _facts, in _origin, in _request);
}
