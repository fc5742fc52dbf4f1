using System.Buffers;
using Mesh.Node.Protocols.Http;

namespace Mesh.Node.Proxy.Http;

/// <summary>Brings the paths of requests to the form in which they are routed, judged and sent on.</summary>
internal static class RequestPaths
{
    private const int OnStackBytesMax = 1024;

    /// <summary>Replaces a path that is not in its normal form.</summary>
    /// <returns>False for a path that nobody may be given, since those who read it could disagree on it.</returns>
    public static bool TryNormalize(RequestHead head)
    {
        ReadOnlySpan<byte> path = head.Path;
        byte[]? rented = path.Length > OnStackBytesMax ? ArrayPool<byte>.Shared.Rent(path.Length) : null;
        Span<byte> normal = rented ?? stackalloc byte[OnStackBytesMax];
        bool isGood = PathNormalizer.TryNormalize(path, PathNormalization.Base, normal, out int bytes);
        if (isGood && !path.SequenceEqual(normal[..bytes]))
        {
            head.Path = normal[..bytes];
        }

        if (rented is not null)
        {
            ArrayPool<byte>.Shared.Return(rented);
        }

        return isGood;
    }
}
