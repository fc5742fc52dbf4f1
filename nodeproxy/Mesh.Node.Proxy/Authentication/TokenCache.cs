using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Mesh.Node.Model.Policies.Tokens;

namespace Mesh.Node.Proxy.Authentication;

/// <summary>
/// Tokens that were accepted, by the hash of their text, so that each is verified once. Bounded: within a set of a few, the one used
/// longest ago makes room. Lives on one loop; looking up allocates nothing.
/// </summary>
internal sealed class TokenCache
{
    /// <summary>Sets; a power of 2.</summary>
    public const int SetCount = 256;

    /// <summary>Tokens a set holds.</summary>
    public const int WayCount = 8;

    private readonly Entry[] _entries = new Entry[SetCount * WayCount];
    private long _uses;

    /// <summary>Finds a token as a rule accepted it.</summary>
    /// <param name="hash">Of its text.</param>
    /// <param name="rule">The rule.</param>
    /// <param name="ofOthers">The same token as another rule accepted it; null when none has.</param>
    public VerifiedToken? Find(in TokenHash hash, TokenRule rule, out VerifiedToken? ofOthers)
    {
        ofOthers = null;
        foreach (ref Entry entry in SetOf(in hash))
        {
            if (entry.Token is not VerifiedToken token || entry.Hash != hash)
            {
                continue;
            }

            entry.UsedAt = ++_uses;
            if (ReferenceEquals(token.Rule, rule))
            {
                return token;
            }

            ofOthers = token;
        }

        return null;
    }

    /// <summary>Keeps a token that was accepted.</summary>
    public void Add(in TokenHash hash, VerifiedToken token)
    {
        Span<Entry> set = SetOf(in hash);
        ref Entry chosen = ref set[0];
        foreach (ref Entry entry in set)
        {
            if (entry.Token is VerifiedToken known && ReferenceEquals(known.Rule, token.Rule) && entry.Hash == hash)
            {
                chosen = ref entry;
                break;
            }

            if (entry.UsedAt < chosen.UsedAt)
            {
                chosen = ref entry;
            }
        }

        chosen = new Entry { Hash = hash, Token = token, UsedAt = ++_uses };
    }

    private Span<Entry> SetOf(in TokenHash hash) => _entries.AsSpan((int)(hash.Low & (SetCount - 1)) * WayCount, WayCount);

    private struct Entry
    {
        public TokenHash Hash;
        public VerifiedToken? Token;
        public long UsedAt;
    }
}

/// <summary>SHA-256 of a token's text.</summary>
internal readonly record struct TokenHash(ulong Low, ulong Second, ulong Third, ulong High)
{
    /// <summary>No allocation.</summary>
    public static TokenHash Of(ReadOnlySpan<byte> text)
    {
        Span<ulong> parts = stackalloc ulong[4];
        SHA256.HashData(text, MemoryMarshal.AsBytes(parts));
        return new TokenHash(parts[0], parts[1], parts[2], parts[3]);
    }
}
