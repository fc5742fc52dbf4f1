namespace Mesh.Lab.Manifests;

/// <summary>What names an object. The namespace is empty for kinds that belong to none.</summary>
public readonly record struct ObjectKey(string Kind, string Namespace, string Name)
{
    /// <summary>The same name without the kind, as the commands take it.</summary>
    public string QualifiedName => Namespace.Length == 0 ? Name : $"{Namespace}/{Name}";

    public override string ToString() => $"{Kind} {QualifiedName}";
}
