using System.Collections.Immutable;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Cli.Manifests;

/// <summary>What to say when the object that was meant is not there: what is, as far as it helps.</summary>
internal static class MissingObject
{
    private const int NamedMax = 5;

    /// <param name="objects">Those there are.</param>
    /// <param name="directory">Where they are.</param>
    /// <param name="kind">As it was typed; null for any.</param>
    /// <param name="name">Null for any.</param>
    /// <param name="namespace">Null for any.</param>
    public static CommandException In(
        ImmutableArray<RawObject> objects, string directory, string? kind, string? name, string? @namespace)
    {
        string what = string.Join(' ', new[] { kind ?? "object", name }.Where(word => word is not null));
        string where = @namespace is null ? directory : $"the namespace {@namespace} of {directory}";
        return new CommandException($"There is no {what} in {where}.{Hint(objects, kind, name)}");
    }

    private static string Hint(ImmutableArray<RawObject> objects, string? kind, string? name)
    {
        List<RawObject> alike = [.. objects.Where(source => kind is null || KindNames.Means(kind, source.Key))];
        List<RawObject> named = [.. alike.Where(source => source.Key.Name == name)];
        return (alike.Count, named.Count) switch
        {
            (0, _) when objects.IsEmpty => string.Empty,
            (0, _) => $" The kinds there are {Some(objects.Select(source => source.Key.Kind))}.",
            (_, 0) => $" There are {Some(alike.Select(source => source.Key.ToString()))}.",
            _ => $" There is {Some(named.Select(source => source.Key.ToString()))}.",
        };
    }

    private static string Some(IEnumerable<string> names)
    {
        string[] all = [.. names.Distinct().Order(StringComparer.Ordinal)];
        return all.Length > NamedMax
            ? $"{string.Join(", ", all[..NamedMax])} and {all.Length - NamedMax} more"
            : string.Join(", ", all);
    }
}
