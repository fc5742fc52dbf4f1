using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using Mesh.Api.Identity;
using Mesh.Control.Serving.State;

namespace Mesh.Control.Serving.Ca;

/// <summary>
/// Roots of our own making, kept in the state directory. A rotation has three steps, each of which every proxy survives: 1. the new root
/// is trusted beside the old one; 2. the new one signs, the old one is still trusted; 3. once nothing signed by it is valid any more, the
/// old one goes.
/// </summary>
public static class OwnAuthorities
{
    private static readonly TimeSpan s_afterLastExpiry = TimeSpan.FromSeconds(5);

    internal static IReadOnlyList<AuthorityRecord> Read(StateDirectory state, ReadOnlySpan<byte> content)
    {
        IReadOnlyList<AuthorityRecord> records = StateJson.Read(state.AuthorityFile, content, StateJson.Default.AuthorityList).Authorities;
        if (records.Count(record => record.Role == AuthorityRole.Active) != 1)
        {
            throw new StateFormatException(state.AuthorityFile, "Exactly one authority must be active.");
        }

        return records;
    }

    /// <exception cref="StateFormatException">A file is missing or broken, or a root is that of another trust domain.</exception>
    internal static AuthoritySet Load(StateDirectory state, IReadOnlyList<AuthorityRecord> records, TrustDomain trustDomain)
    {
        ImmutableArray<SigningAuthority> authorities = [.. records.Select(record => Load(state, record.KeyId))];
        foreach (SigningAuthority authority in authorities)
        {
            if (CertificateText.TrustDomainOf(authority.Certificate) is not { } actual || !actual.Equals(trustDomain))
            {
                throw new StateFormatException(
                    state.CertificateFile(authority.KeyId),
                    $"Is not a root of the trust domain {trustDomain}. A state directory belongs to one trust domain.");
            }
        }

        string activeKeyId = records.First(record => record.Role == AuthorityRole.Active).KeyId;
        return new AuthoritySet(
            authorities.First(authority => authority.KeyId == activeKeyId),
            authorities,
            [.. authorities.Select(authority => authority.Certificate)]);
    }

    /// <summary>Makes the first root, unless there is one.</summary>
    public static async Task EnsureFirstAsync(
        StateDirectory state, TrustDomain trustDomain, DateTimeOffset now, CancellationToken cancellation)
    {
        using IDisposable held = await state.LockAsync(cancellation);
        if (StateDirectory.TryReadSecret(state.AuthorityFile) is not null)
        {
            return;
        }

        string keyId = WriteNewRoot(state, trustDomain, now);
        Write(state, [new AuthorityRecord { KeyId = keyId, Role = AuthorityRole.Active, CreatedAt = now, ActiveFrom = now }]);
    }

    /// <summary>Step 1 of a rotation.</summary>
    /// <param name="state">Where.</param>
    /// <param name="overlap">How long proxies have to learn the new root.</param>
    /// <param name="now">The time.</param>
    /// <param name="cancellation">Stops waiting for the lock.</param>
    /// <exception cref="InvalidOperationException">There is nothing to rotate, or a rotation is under way.</exception>
    public static async Task<AuthorityRecord> BeginRotationAsync(
        StateDirectory state, TimeSpan overlap, DateTimeOffset now, CancellationToken cancellation)
    {
        using IDisposable held = await state.LockAsync(cancellation);
        byte[] content = StateDirectory.TryReadSecret(state.AuthorityFile)
            ?? throw new InvalidOperationException(
                $"{state.AuthorityFile} does not exist: this control plane has no root of its own to rotate.");
        IReadOnlyList<AuthorityRecord> records = Read(state, content);
        if (records.FirstOrDefault(record => record.Role == AuthorityRole.Incoming) is { } incoming)
        {
            throw new InvalidOperationException($"A rotation is under way: {incoming.KeyId} is to sign from {incoming.ActiveFrom:u}.");
        }

        SigningAuthority active = Load(state, records.First(record => record.Role == AuthorityRole.Active).KeyId);
        TrustDomain trustDomain = CertificateText.TrustDomainOf(active.Certificate)
            ?? throw new StateFormatException(state.CertificateFile(active.KeyId), "Names no trust domain.");
        string keyId = WriteNewRoot(state, trustDomain, now);
        var record = new AuthorityRecord { KeyId = keyId, Role = AuthorityRole.Incoming, CreatedAt = now, ActiveFrom = now + overlap };
        Write(state, [.. records, record]);
        return record;
    }

    /// <summary>What the records should be by now; the same list when nothing is due.</summary>
    /// <param name="records">As they are.</param>
    /// <param name="lastExpiryOf">When the last certificate an authority signed expires.</param>
    /// <param name="isIncomingKnown">Whether every connected proxy trusts the incoming root.</param>
    /// <param name="now">The time.</param>
    internal static IReadOnlyList<AuthorityRecord> Advance(
        IReadOnlyList<AuthorityRecord> records, Func<string, DateTimeOffset> lastExpiryOf, bool isIncomingKnown, DateTimeOffset now)
    {
        if (records.FirstOrDefault(record => record.Role == AuthorityRole.Incoming) is { } incoming
            && IsDue(incoming, isIncomingKnown, now))
        {
            return
            [
                .. records.Select(record => record.Role switch
                {
                    AuthorityRole.Incoming => record with { Role = AuthorityRole.Active, ActiveFrom = now },
                    AuthorityRole.Active => record with
                    {
                        Role = AuthorityRole.Outgoing,
                        TrustedUntil = Later(lastExpiryOf(record.KeyId), now) + s_afterLastExpiry,
                    },
                    _ => record,
                }),
            ];
        }

        return records.Any(record => IsOver(record, now)) ? [.. records.Where(record => !IsOver(record, now))] : records;
    }

    internal static void Write(StateDirectory state, IReadOnlyList<AuthorityRecord> records) =>
        StateDirectory.WriteSecret(
            state.AuthorityFile,
            JsonSerializer.SerializeToUtf8Bytes(new AuthorityList { Authorities = records }, StateJson.Default.AuthorityList));

    internal static void DeleteFiles(StateDirectory state, string keyId)
    {
        File.Delete(state.KeyFile(keyId));
        File.Delete(state.CertificateFile(keyId));
    }

    /// <summary>A proxy that never confirms may delay a rotation by its overlap once more, not for ever.</summary>
    private static bool IsDue(AuthorityRecord incoming, bool isKnown, DateTimeOffset now) =>
        now >= incoming.ActiveFrom && (isKnown || now >= incoming.ActiveFrom + (incoming.ActiveFrom - incoming.CreatedAt));

    private static bool IsOver(AuthorityRecord record, DateTimeOffset now) =>
        record.Role == AuthorityRole.Outgoing && now >= record.TrustedUntil;

    private static DateTimeOffset Later(DateTimeOffset left, DateTimeOffset right) => left > right ? left : right;

    private static SigningAuthority Load(StateDirectory state, string keyId)
    {
        string certificateFile = state.CertificateFile(keyId);
        string keyFile = state.KeyFile(keyId);
        var authority = new SigningAuthority(
            CertificateText.ReadCertificates(certificateFile, ReadText(certificateFile))[0],
            CertificateText.ReadPrivateKey(keyFile, ReadText(keyFile)),
            intermediates: []);
        return authority.KeyId == keyId
            ? authority
            : throw new StateFormatException(certificateFile, $"Is not the certificate of {keyId}.");
    }

    private static string ReadText(string file) =>
        Encoding.ASCII.GetString(StateDirectory.TryReadSecret(file) ?? throw new StateFormatException(file, "Is missing."));

    private static string WriteNewRoot(StateDirectory state, TrustDomain trustDomain, DateTimeOffset now)
    {
        SigningAuthority root = CertificateFactory.CreateRoot(trustDomain, now);
        StateDirectory.WriteSecret(state.KeyFile(root.KeyId), Encoding.ASCII.GetBytes(CertificateText.ToPem(root.Key)));
        StateDirectory.WriteSecret(state.CertificateFile(root.KeyId), Encoding.ASCII.GetBytes(CertificateText.ToPem(root.Certificate)));
        return root.KeyId;
    }
}
