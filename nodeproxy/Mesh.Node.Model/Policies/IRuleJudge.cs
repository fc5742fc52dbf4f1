namespace Mesh.Node.Model.Policies;

/// <summary>Says whether a rule matches whatever is judged, a connection or a request.</summary>
internal interface IRuleJudge
{
    bool Matches(CompiledRule rule);
}
