using System.Collections.Immutable;
using System.Text.Json;
using Mesh.Control.Serving.State;

namespace Mesh.Control.Serving.Ca;

/// <summary>What has been revoked, as kept in the state directory.</summary>
public static class Revocations
{
    /// <summary>How long after its expiry a certificate stays listed, for verifiers whose clocks are behind.</summary>
    private static readonly TimeSpan s_afterExpiry = TimeSpan.FromHours(1);

    /// <summary>Revokes the certificates that match and have not expired.</summary>
    /// <returns>Those newly revoked.</returns>
    public static async Task<IReadOnlyList<IssuedRecord>> RevokeAsync(
        StateDirectory state, Func<IssuedRecord, bool> matches, DateTimeOffset now, CancellationToken cancellation)
    {
        using IDisposable held = await state.LockAsync(cancellation);
        IReadOnlyList<RevocationRecord> present = Read(state, StateDirectory.TryReadSecret(state.RevocationFile) ?? []);
        HashSet<string> revoked = [.. present.Select(record => record.Serial)];
        List<IssuedRecord> matching =
            [.. IssuedLog.Read(state).Where(record => record.ExpiresAt > now && matches(record) && !revoked.Contains(record.Serial))];
        if (matching.Count == 0)
        {
            return matching;
        }

        IEnumerable<RevocationRecord> added = matching.Select(record => new RevocationRecord
        {
            Serial = record.Serial,
            IssuerKeyId = record.IssuerKeyId,
            RevokedAt = now,
            ExpiresAt = record.ExpiresAt,
        });
        var records = new RevocationRecords { Revocations = [.. Current(present, now), .. added] };
        StateDirectory.WriteSecret(state.RevocationFile, JsonSerializer.SerializeToUtf8Bytes(records, StateJson.Default.RevocationRecords));
        return matching;
    }

    /// <summary>What two have revoked, of one state.</summary>
    internal static byte[] Join(StateDirectory state, ReadOnlySpan<byte> ours, ReadOnlySpan<byte> theirs)
    {
        var records = new RevocationRecords
        {
            Revocations = [.. Read(state, theirs).Concat(Read(state, ours)).DistinctBy(record => record.Serial)],
        };
        return JsonSerializer.SerializeToUtf8Bytes(records, StateJson.Default.RevocationRecords);
    }

    internal static IReadOnlyList<RevocationRecord> Read(StateDirectory state, ReadOnlySpan<byte> content)
    {
        IReadOnlyList<RevocationRecord> records =
            content.IsEmpty ? [] : StateJson.Read(state.RevocationFile, content, StateJson.Default.RevocationRecords).Revocations;
        foreach (RevocationRecord record in records)
        {
            if (record.Serial.Length == 0 || !record.Serial.All(char.IsAsciiHexDigit))
            {
                throw new StateFormatException(state.RevocationFile, $"'{record.Serial}' is not a serial number.");
            }
        }

        return records;
    }

    /// <summary>Those that still matter.</summary>
    internal static ImmutableArray<RevocationRecord> Current(IEnumerable<RevocationRecord> records, DateTimeOffset now) =>
        [.. records.Where(record => record.ExpiresAt + s_afterExpiry > now)];
}
