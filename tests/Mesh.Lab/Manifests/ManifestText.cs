namespace Mesh.Lab.Manifests;

/// <summary>The text of a file of manifests, and where it comes from.</summary>
internal sealed record ManifestText(string Text, string Source);
