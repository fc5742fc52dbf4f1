namespace Mesh.Node.Model.Policies.Authorizers;

/// <summary>The authorizers that have allowed one request. Lives on its loop; holds few.</summary>
public sealed class AuthorizerAnswers
{
    private readonly List<string> _names = [];
    private readonly bool _coversAll;

    public AuthorizerAnswers()
    {
    }

    private AuthorizerAnswers(bool coversAll) => _coversAll = coversAll;

    /// <summary>As if every authorizer that can be asked had allowed it: what is left is what the other policies say.</summary>
    public static AuthorizerAnswers All { get; } = new(coversAll: true);

    /// <summary>An authorizer has allowed it.</summary>
    public void Add(Authorizer authorizer)
    {
        ArgumentNullException.ThrowIfNull(authorizer);
        _names.Add(authorizer.Name);
    }

    /// <summary>Begins another request.</summary>
    public void Clear() => _names.Clear();

    /// <summary>Whether the authorizer need not be asked any more.</summary>
    /// <param name="authorizer">Null where a policy's does not exist: nobody answers for that one.</param>
    public bool Covers(Authorizer? authorizer) => authorizer is not null && (_coversAll || _names.Contains(authorizer.Name));
}
