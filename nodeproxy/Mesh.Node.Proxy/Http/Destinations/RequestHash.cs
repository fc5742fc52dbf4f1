using System.Net;
using Mesh.Node.Model.Balancing.Hashing;
using Mesh.Node.Model.Routing;
using Mesh.Node.Model.Traffic;

namespace Mesh.Node.Proxy.Http.Destinations;

/// <summary>What a request is hashed to, so that it goes where others like it went. Allocates nothing.</summary>
internal static class RequestHash
{
    private const int AddressBytesMax = 16;

    /// <summary>Hashes a request.</summary>
    /// <param name="policy">What of it decides.</param>
    /// <param name="facts">The request as it came, before anything of it is changed.</param>
    /// <param name="client">The client's address.</param>
    /// <param name="hash">The hash: the same for all attempts of the request.</param>
    /// <returns>False when what decides is absent or empty, so that the request may go anywhere.</returns>
    public static bool TryGet<TFacts>(
        HashPolicy policy, scoped ref readonly TFacts facts, IPAddress client, out ulong hash)
        where TFacts : IRequestFacts, allows ref struct
    {
        Span<byte> address = stackalloc byte[AddressBytesMax];
        scoped ReadOnlySpan<byte> key = default;
        switch (policy.Key)
        {
            case HashKey.Header:
                _ = facts.TryGetHeader(policy.NameBytes, out key);
                break;
            case HashKey.Cookie when facts.TryGetHeader("cookie"u8, out ReadOnlySpan<byte> cookies):
                key = FindCookie(cookies, policy.NameBytes);
                break;
            case HashKey.QueryParameter:
                _ = QueryMatch.TryGet(facts.Query, policy.NameBytes, out key);
                break;
            case HashKey.SourceAddress:
                key = BytesOf(client, address);
                break;
            default:
                break;
        }

        hash = ConsistentHash.HashOf(key);
        return !key.IsEmpty;
    }

    /// <summary>The value of the first cookie of a name; empty where there is none (RFC 6265 §4.2.1).</summary>
    private static ReadOnlySpan<byte> FindCookie(ReadOnlySpan<byte> cookies, ReadOnlySpan<byte> name)
    {
        while (!cookies.IsEmpty)
        {
            int end = cookies.IndexOf((byte)';');
            ReadOnlySpan<byte> pair = (end < 0 ? cookies : cookies[..end]).Trim(" \t"u8);
            cookies = end < 0 ? [] : cookies[(end + 1)..];
            if (pair.Length > name.Length && pair[name.Length] == '=' && pair.StartsWith(name))
            {
                return pair[(name.Length + 1)..];
            }
        }

        return [];
    }

    /// <summary>An IPv4 address is the same key whichever socket it came through.</summary>
    private static ReadOnlySpan<byte> BytesOf(IPAddress client, Span<byte> buffer)
    {
        _ = client.TryWriteBytes(buffer, out int bytes);
        ReadOnlySpan<byte> written = buffer[..bytes];
        return client.IsIPv4MappedToIPv6 ? written[^4..] : written;
    }
}
