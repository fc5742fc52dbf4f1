namespace Mesh.Images.Sbom;

/// <summary>One thing that an image is made of, as its bill of materials names it.</summary>
/// <param name="Name">Its name among its kind.</param>
/// <param name="Version">As its kind writes it.</param>
/// <param name="PackageUrl">Its name as scanners compare it with what they know of vulnerabilities (`pkg:deb/debian/…`).</param>
/// <param name="Licence">An SPDX licence expression, where it states one.</param>
/// <param name="LicenceFile">Where its licence lies in the image, or in words where its text is to be found.</param>
/// <param name="Supplier">Who distributes it; null when it is not said.</param>
/// <param name="Homepage">Null when it has none.</param>
internal sealed record Component(
    string Name, string Version, string PackageUrl, string? Licence, string? LicenceFile, string? Supplier, string? Homepage)
{
    /// <summary>One word or name of a package URL, as its specification encodes it.</summary>
    public static string Encode(string text) => Uri.EscapeDataString(text).Replace("%3A", ":", StringComparison.Ordinal);
}
