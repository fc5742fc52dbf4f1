namespace Mesh.Node.Model.Policies;

/// <summary>
/// What a connection alone says of a match, a clause or a rule. Ordered, so that all of several hold as the least of them does, and one of
/// several as the greatest.
/// </summary>
internal enum MatchAnswer
{
    No,

    /// <summary>All that it asks of the connection holds, and it asks something of requests too.</summary>
    Depends,
    Yes,
}
