using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Mesh.Control.Serving.State;

namespace Mesh.Control.Serving.Authentication;

/// <summary>A node that proved who it is.</summary>
/// <param name="Node">Its name.</param>
/// <param name="TokenId">The token it proved it with; no secret.</param>
/// <param name="Revoked">Cancelled when that token is revoked: whatever the node has open must end.</param>
public sealed record NodeCaller(string Node, string TokenId, CancellationToken Revoked);

/// <summary>
/// The join tokens as the server knows them: one per node, recognised by hash. Reloaded when the file changes; revocation is felt by open
/// streams too. Any thread.
/// </summary>
public sealed class JoinTokens(StateDirectory state)
{
    private readonly Lock _reloading = new();
    private byte[] _content = [];
    private volatile ImmutableDictionary<string, Entry> _active = ImmutableDictionary.Create<string, Entry>(StringComparer.Ordinal);

    public int ActiveCount => _active.Count;

    /// <summary>Takes over the file, if it is another than before.</summary>
    /// <exception cref="StateFormatException">It is broken; what was known before stays in force.</exception>
    public void Reload()
    {
        lock (_reloading)
        {
            byte[] content = StateDirectory.TryReadSecret(state.TokenFile) ?? [];
            if (content.AsSpan().SequenceEqual(_content))
            {
                return;
            }

            IReadOnlyList<JoinTokenRecord> records = content.Length == 0 ? [] : JoinTokenFile.Parse(state.TokenFile, content);
            ImmutableDictionary<string, Entry>.Builder next = ImmutableDictionary.CreateBuilder<string, Entry>(StringComparer.Ordinal);
            foreach (JoinTokenRecord record in records.Where(record => record.RevokedAt is null))
            {
                next[record.Id] = _active.TryGetValue(record.Id, out Entry? known) && known.Record == record
                    ? known
                    : new Entry(record, Convert.FromHexString(record.SecretHash), new CancellationTokenSource());
            }

            ImmutableDictionary<string, Entry> previous = _active;
            _active = next.ToImmutable();
            _content = content;
            foreach ((string id, Entry entry) in previous)
            {
                if (!_active.TryGetValue(id, out Entry? kept) || !ReferenceEquals(kept, entry))
                {
                    entry.Revoked.Cancel();
                }
            }
        }
    }

    /// <summary>Recognises a token.</summary>
    /// <param name="token">As presented.</param>
    /// <param name="caller">Whose it is.</param>
    /// <returns>False for anything else, without saying what was wrong with it: a caller who has none should learn nothing.</returns>
    public bool TryRecognise(ReadOnlySpan<char> token, [NotNullWhen(true)] out NodeCaller? caller)
    {
        caller = null;
        if (!JoinTokenText.TrySplit(token, out string? id, out byte[]? secretHash) || !_active.TryGetValue(id, out Entry? entry))
        {
            return false;
        }

        if (!CryptographicOperations.FixedTimeEquals(secretHash, entry.SecretHash))
        {
            return false;
        }

        caller = new NodeCaller(entry.Record.Node, entry.Record.Id, entry.Revoked.Token);
        return true;
    }

    private sealed record Entry(JoinTokenRecord Record, byte[] SecretHash, CancellationTokenSource Revoked);
}

/// <summary>The tokens as kept in the state directory. Changes are made here, by the command line.</summary>
public static class JoinTokenFile
{
    private const int NodeCharsMax = 253;

    /// <summary>Every token ever made and not removed, revoked ones included.</summary>
    public static IReadOnlyList<JoinTokenRecord> Read(StateDirectory state) =>
        StateDirectory.TryReadSecret(state.TokenFile) is { } content ? Parse(state.TokenFile, content) : [];

    /// <summary>Makes the token of a node.</summary>
    /// <param name="state">Where.</param>
    /// <param name="node">The node's name.</param>
    /// <param name="replace">Whether a token the node already has is revoked; otherwise it is in the way.</param>
    /// <param name="now">The time.</param>
    /// <param name="cancellation">Stops waiting for the lock.</param>
    /// <returns>The token: the only time it can be seen.</returns>
    /// <exception cref="ArgumentException">The name is no node's name, or the node has a token.</exception>
    public static async Task<string> CreateAsync(
        StateDirectory state, string node, bool replace, DateTimeOffset now, CancellationToken cancellation)
    {
        if (node.Length is 0 or > NodeCharsMax || node.AsSpan().ContainsAnyExcept(JoinTokenText.NodeCharacters))
        {
            throw new ArgumentException(
                $"'{node}' is not the name of a node: letters, digits, dots, dashes and underscores.", nameof(node));
        }

        using IDisposable held = await state.LockAsync(cancellation);
        List<JoinTokenRecord> records = [.. Read(state)];
        if (records.Find(record => record.Node == node && record.RevokedAt is null) is { } present)
        {
            if (!replace)
            {
                throw new ArgumentException($"{node} has the token {present.Id} already. Revoke it, or pass --replace.", nameof(node));
            }

            Revoke(records, present, now);
        }

        (string token, string id, string hash) = JoinTokenText.Create();
        records.Add(new JoinTokenRecord { Id = id, Node = node, SecretHash = hash, CreatedAt = now });
        Write(state, records);
        return token;
    }

    /// <summary>Revokes the token of a node, or the one with this id.</summary>
    /// <returns>What was revoked; null when there is no such token in force.</returns>
    public static async Task<JoinTokenRecord?> RevokeAsync(
        StateDirectory state, string nodeOrId, DateTimeOffset now, CancellationToken cancellation)
    {
        using IDisposable held = await state.LockAsync(cancellation);
        List<JoinTokenRecord> records = [.. Read(state)];
        JoinTokenRecord? present = records.Find(record => (record.Node == nodeOrId || record.Id == nodeOrId) && record.RevokedAt is null);
        if (present is not null)
        {
            Revoke(records, present, now);
            Write(state, records);
        }

        return present;
    }

    internal static IReadOnlyList<JoinTokenRecord> Parse(string file, ReadOnlySpan<byte> content)
    {
        IReadOnlyList<JoinTokenRecord> records = StateJson.Read(file, content, StateJson.Default.JoinTokenList).Tokens;
        foreach (JoinTokenRecord record in records)
        {
            if (record.SecretHash.Length != SHA256.HashSizeInBytes * 2 || !record.SecretHash.All(char.IsAsciiHexDigit))
            {
                throw new StateFormatException(file, $"The hash of token {record.Id} is not a SHA-256.");
            }
        }

        if (records.GroupBy(record => record.Id).FirstOrDefault(group => group.Count() > 1) is { } twice)
        {
            throw new StateFormatException(file, $"The token {twice.Key} is listed twice.");
        }

        if (records.Where(record => record.RevokedAt is null).GroupBy(record => record.Node).FirstOrDefault(group => group.Count() > 1)
            is { } rich)
        {
            throw new StateFormatException(file, $"The node {rich.Key} has more than one token in force.");
        }

        return records;
    }

    private static void Revoke(List<JoinTokenRecord> records, JoinTokenRecord record, DateTimeOffset now) =>
        records[records.IndexOf(record)] = record with { RevokedAt = now };

    private static void Write(StateDirectory state, List<JoinTokenRecord> records) =>
        StateDirectory.WriteSecret(
            state.TokenFile, JsonSerializer.SerializeToUtf8Bytes(new JoinTokenList { Tokens = records }, StateJson.Default.JoinTokenList));
}

/// <summary>The form of a token: <c>mesh-join.&lt;id&gt;.&lt;secret&gt;</c>, 8 bytes of id in hex and 32 of secret in base64url.</summary>
internal static class JoinTokenText
{
    private const string Prefix = "mesh-join.";
    private const int IdBytes = 8;
    private const int SecretBytes = 32;
    private const int IdChars = IdBytes * 2;
    private const int SecretChars = 43;

    public static readonly System.Buffers.SearchValues<char> NodeCharacters =
        System.Buffers.SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_");

    public static (string Token, string Id, string SecretHash) Create()
    {
        string id = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(IdBytes));
        string secret = System.Buffers.Text.Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(SecretBytes));
        return ($"{Prefix}{id}.{secret}", id, Convert.ToHexStringLower(HashOf(secret)));
    }

    /// <summary>Whether it is meant to be a join token, whatever it is worth.</summary>
    public static bool IsOne(ReadOnlySpan<char> token) => token.StartsWith(Prefix, StringComparison.Ordinal);

    public static bool TrySplit(ReadOnlySpan<char> token, [NotNullWhen(true)] out string? id, [NotNullWhen(true)] out byte[]? secretHash)
    {
        id = null;
        secretHash = null;
        if (token.Length != Prefix.Length + IdChars + 1 + SecretChars
            || !token.StartsWith(Prefix, StringComparison.Ordinal)
            || token[Prefix.Length + IdChars] != '.')
        {
            return false;
        }

        id = token.Slice(Prefix.Length, IdChars).ToString();
        secretHash = HashOf(token[^SecretChars..]);
        return true;
    }

    private static byte[] HashOf(ReadOnlySpan<char> secret)
    {
        Span<byte> bytes = stackalloc byte[SecretChars * 3];
        int length = Encoding.UTF8.GetBytes(secret, bytes);
        return SHA256.HashData(bytes[..length]);
    }
}
