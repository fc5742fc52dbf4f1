using System.Text;

namespace Mesh.Node.Model.Naming;

/// <summary>
/// A host name as bytes in lower case, which is looked up by what a message holds without making a text of it. Refers to its buffer: as a
/// key, to one of its own; while something is looked up, to a scratch.
/// </summary>
internal readonly struct HostText(byte[] buffer, int length) : IEquatable<HostText>
{
    private ReadOnlySpan<byte> Bytes => buffer.AsSpan(0, length);

    public static HostText Of(string hostname)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(hostname.ToLowerInvariant());
        return new HostText(bytes, bytes.Length);
    }

    public bool Equals(HostText other) => Bytes.SequenceEqual(other.Bytes);

    public override bool Equals(object? obj) => obj is HostText other && Equals(other);

    public override int GetHashCode()
    {
        var hash = default(HashCode);
        hash.AddBytes(Bytes);
        return hash.ToHashCode();
    }

    public override string ToString() => Encoding.UTF8.GetString(Bytes);
}
