using Mesh.Images.Files;
using Mesh.Images.Oci;
using Mesh.Images.Sbom;

namespace Mesh.Images;

/// <summary>A layer with what it is made of. Images share layers, so a node keeps those once.</summary>
/// <param name="Files">What is in it.</param>
/// <param name="Packed">The same as an archive.</param>
/// <param name="Components">What a bill of materials lists of it.</param>
internal sealed record ImageLayer(FileTree Files, Layer Packed, IReadOnlyList<Component> Components)
{
    public static ImageLayer Pack(string title, FileTree files, IReadOnlyList<Component> components) =>
        new(files, Layer.Pack(title, files), components);
}
