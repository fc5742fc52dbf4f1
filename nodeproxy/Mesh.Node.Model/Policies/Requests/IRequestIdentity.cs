namespace Mesh.Node.Model.Policies.Requests;

/// <summary>Whom the verified token of a request speaks for. Immutable; any thread; asking allocates nothing.</summary>
public interface IRequestIdentity
{
    /// <summary>issuer/subject.</summary>
    string Principal { get; }

    /// <summary>For whom the token was made (aud); none is empty.</summary>
    ReadOnlySpan<string> Audiences { get; }

    /// <summary>To whom it was issued (azp); null when it does not say.</summary>
    string? Presenter { get; }

    /// <summary>The texts a claim holds: one, the elements of a list, or the words of a claim that is a list in one text.</summary>
    /// <param name="path">Names from the outermost to the claim's own.</param>
    /// <returns>Empty when there is no such claim.</returns>
    ReadOnlySpan<string> ValuesOf(ReadOnlySpan<string> path);
}
