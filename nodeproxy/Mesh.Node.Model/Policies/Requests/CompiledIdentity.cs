namespace Mesh.Node.Model.Policies.Requests;

/// <summary>What a match asks of the token of a request, ready to be asked. Immutable; any thread.</summary>
internal sealed class CompiledIdentity
{
    private readonly TextSet? _principals;
    private readonly TextSet? _notPrincipals;
    private readonly TextSet? _audiences;
    private readonly TextSet? _notAudiences;
    private readonly TextSet? _presenters;
    private readonly TextSet? _notPresenters;
    private readonly CompiledClaim[] _claims;

    private CompiledIdentity(RequestConditions conditions)
    {
        _principals = TextSet.Create(conditions.Principals);
        _notPrincipals = TextSet.Create(conditions.NotPrincipals);
        _audiences = TextSet.Create(conditions.Audiences);
        _notAudiences = TextSet.Create(conditions.NotAudiences);
        _presenters = TextSet.Create(conditions.Presenters);
        _notPresenters = TextSet.Create(conditions.NotPresenters);
        _claims =
        [
            .. conditions.Claims.Select(claim =>
                new CompiledClaim([.. claim.Path], TextSet.Create(claim.Values), TextSet.Create(claim.NotValues))),
        ];
        IsEmpty = _principals is null && _notPrincipals is null && _audiences is null && _notAudiences is null
            && _presenters is null && _notPresenters is null && _claims.Length == 0;
    }

    private bool IsEmpty { get; }

    /// <summary>Null when nothing is asked.</summary>
    public static CompiledIdentity? Create(RequestConditions conditions) =>
        new CompiledIdentity(conditions) is { IsEmpty: false } compiled ? compiled : null;

    /// <summary>True when every field holds. No allocation.</summary>
    /// <param name="identity">Null where there is no verified token: that satisfies no positive field and every negative one.</param>
    public bool Holds(IRequestIdentity? identity)
    {
        if (!Hold(_principals, _notPrincipals, identity?.Principal)
            || !Hold(_presenters, _notPresenters, identity?.Presenter)
            || !Hold(_audiences, _notAudiences, identity is null ? [] : identity.Audiences))
        {
            return false;
        }

        foreach (CompiledClaim claim in _claims)
        {
            if (!Hold(claim.Values, claim.NotValues, identity is null ? [] : identity.ValuesOf(claim.Path)))
            {
                return false;
            }
        }

        return true;
    }

    private static bool Hold(TextSet? positive, TextSet? negative, string? value) =>
        (positive is null || (value is not null && positive.Matches(value)))
        && (negative is null || value is null || !negative.Matches(value));

    private static bool Hold(TextSet? positive, TextSet? negative, ReadOnlySpan<string> values) =>
        (positive is null || AnyMatches(positive, values)) && (negative is null || !AnyMatches(negative, values));

    private static bool AnyMatches(TextSet set, ReadOnlySpan<string> values)
    {
        foreach (string value in values)
        {
            if (set.Matches(value))
            {
                return true;
            }
        }

        return false;
    }

    private readonly record struct CompiledClaim(string[] Path, TextSet? Values, TextSet? NotValues);
}
