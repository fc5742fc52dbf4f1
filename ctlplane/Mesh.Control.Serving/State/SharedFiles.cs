namespace Mesh.Control.Serving.State;

/// <summary>
/// The files of the state directory that all replicas of a control plane have in common, by names that say nothing of where they lie: roots
/// and their keys, roles, revocations, join tokens. What each has issued is its own. Not safe for concurrent use; changes are made under
/// <see cref="StateDirectory.LockAsync"/>.
/// </summary>
public sealed class SharedFiles(StateDirectory state)
{
    private const string Authorities = "authorities.json";
    private const string RevocationsName = "revocations.json";
    private const string Tokens = "tokens.json";
    private const string CertificateEnd = ".crt.pem";
    private const string KeyEnd = ".key.pem";

    /// <summary>What there is.</summary>
    public Dictionary<string, byte[]> Read()
    {
        var files = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        foreach (string name in new[] { Authorities, RevocationsName, Tokens }.Concat(state.KeyFileNames()))
        {
            if (PathOf(name) is { } path && StateDirectory.TryReadSecret(path) is { } content)
            {
                files[name] = content;
            }
        }

        return files;
    }

    /// <summary>Makes the directory hold these and no others, in an order in which nothing refers to what is not there.</summary>
    /// <exception cref="StateFormatException">A name is none of those files; nothing was written.</exception>
    public void Write(IReadOnlyDictionary<string, byte[]> files)
    {
        if (files.Keys.FirstOrDefault(name => PathOf(name) is null) is { } unknown)
        {
            throw new StateFormatException(state.Root, $"'{unknown}' is not a file that replicas share.");
        }

        Dictionary<string, byte[]> present = Read();
        foreach ((string name, byte[] content) in files.OrderBy(file => file.Key == Authorities))
        {
            if (!present.TryGetValue(name, out byte[]? known) || !known.AsSpan().SequenceEqual(content))
            {
                StateDirectory.WriteSecret(PathOf(name)!, content);
            }
        }

        foreach (string gone in present.Keys.Where(name => !files.ContainsKey(name)))
        {
            File.Delete(PathOf(gone)!);
        }
    }

    /// <summary>
    /// Of two changes to the same state, both: file by file, and revocations one by one. Where both changed one file otherwise,
    /// <paramref name="theirs"/> holds.
    /// </summary>
    /// <param name="common">What both began with.</param>
    /// <param name="ours">Ours.</param>
    /// <param name="theirs">What others have made of it.</param>
    /// <param name="lost">Names of files whose change here is lost.</param>
    public Dictionary<string, byte[]> Merge(
        IReadOnlyDictionary<string, byte[]> common,
        IReadOnlyDictionary<string, byte[]> ours,
        IReadOnlyDictionary<string, byte[]> theirs,
        out IReadOnlyList<string> lost)
    {
        var merged = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        var conflicts = new List<string>();
        foreach (string name in ours.Keys.Union(theirs.Keys).Union(common.Keys))
        {
            byte[]? before = common.GetValueOrDefault(name);
            byte[]? our = ours.GetValueOrDefault(name);
            byte[]? their = theirs.GetValueOrDefault(name);
            byte[]? chosen = AreSame(our, before) || AreSame(our, their) ? their : our;
            if (!ReferenceEquals(chosen, their) && !AreSame(their, before))
            {
                chosen = name == RevocationsName && our is not null && their is not null
                    ? Ca.Revocations.Join(state, our, their)
                    : their;
                if (ReferenceEquals(chosen, their))
                {
                    conflicts.Add(name);
                }
            }

            if (chosen is not null)
            {
                merged[name] = chosen;
            }
        }

        lost = conflicts;
        return merged;
    }

    /// <summary>Whether two states are one.</summary>
    public static bool AreSame(IReadOnlyDictionary<string, byte[]> left, IReadOnlyDictionary<string, byte[]> right) =>
        left.Count == right.Count && left.All(file => AreSame(file.Value, right.GetValueOrDefault(file.Key)));

    private static bool AreSame(byte[]? left, byte[]? right) =>
        left is null || right is null ? left is null && right is null : left.AsSpan().SequenceEqual(right);

    /// <returns>Null for what is no name of such a file: names come from elsewhere, and lead nowhere else.</returns>
    private string? PathOf(string name)
    {
        switch (name)
        {
            case Authorities:
                return state.AuthorityFile;
            case RevocationsName:
                return state.RevocationFile;
            case Tokens:
                return state.TokenFile;
        }

        return KeyIdOf(name, CertificateEnd) is { } certificate ? state.CertificateFile(certificate)
            : KeyIdOf(name, KeyEnd) is { } key ? state.KeyFile(key)
            : null;
    }

    private static string? KeyIdOf(string name, string end) =>
        name.EndsWith(end, StringComparison.Ordinal)
        && name[..^end.Length] is { Length: > 0 and <= 128 } id
        && id.All(char.IsAsciiHexDigitLower)
            ? id
            : null;
}
