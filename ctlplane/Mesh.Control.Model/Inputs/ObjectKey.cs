namespace Mesh.Control.Model.Inputs;

/// <summary>
/// What makes an object one object: its API group (the version does not count), kind, namespace (empty for cluster-scoped kinds) and name.
/// </summary>
public readonly record struct ObjectKey(string Group, string Kind, string Namespace, string Name)
{
    /// <summary>By namespace, kind, name and group: the order in which people look for things.</summary>
    public static int Compare(ObjectKey left, ObjectKey right)
    {
        int order = string.CompareOrdinal(left.Namespace, right.Namespace);
        order = order != 0 ? order : string.CompareOrdinal(left.Kind, right.Kind);
        order = order != 0 ? order : string.CompareOrdinal(left.Name, right.Name);
        return order != 0 ? order : string.CompareOrdinal(left.Group, right.Group);
    }

    public override string ToString() => Namespace.Length == 0 ? $"{Kind} {Name}" : $"{Kind} {Namespace}/{Name}";
}
