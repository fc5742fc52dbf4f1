using System.Security.Cryptography;

namespace Mesh.Images.Oci;

/// <summary>Content that is named by its hash, as the OCI image layout keeps it.</summary>
internal sealed class Blob
{
    public Blob(string mediaType, byte[] content)
    {
        MediaType = mediaType;
        Content = content;
        Hash = Convert.ToHexStringLower(SHA256.HashData(content));
    }

    public string MediaType { get; }

    public byte[] Content { get; }

    /// <summary>SHA-256 in lower-case hex.</summary>
    public string Hash { get; }

    public string Digest => "sha256:" + Hash;
}
