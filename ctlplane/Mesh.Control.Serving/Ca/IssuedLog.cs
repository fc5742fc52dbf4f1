using System.Text.Json;
using Mesh.Control.Serving.State;

namespace Mesh.Control.Serving.Ca;

/// <summary>
/// The record of every certificate that may still be valid, one line each, so that revocation can find them by identity or node. Written
/// by the server alone, before the certificate leaves it.
/// </summary>
internal sealed class IssuedLog : IDisposable
{
    private readonly StateDirectory _state;
    private readonly Dictionary<string, DateTimeOffset> _lastExpiry = new(StringComparer.Ordinal);
    /// <summary>Where the next record goes; null when the file has to be opened first.</summary>
    private Stream? _stream;

    /// <summary>The last line may have been written in part: the next one must not become its end.</summary>
    private bool _isTorn;

    internal IssuedLog(StateDirectory state, Stream stream)
    {
        _state = state;
        _stream = stream;
    }

    /// <summary>Opens the log and drops what has expired.</summary>
    public static IssuedLog Open(StateDirectory state, DateTimeOffset now)
    {
        Compact(state, now);
        var log = new IssuedLog(state, StateDirectory.OpenSecretForAppend(state.IssuedFile));
        foreach (IssuedRecord record in Read(state))
        {
            log.Note(record);
        }

        return log;
    }

    /// <summary>A line cut short by a crash belongs to a certificate that never left; it is passed over.</summary>
    public static IEnumerable<IssuedRecord> Read(StateDirectory state)
    {
        if (!File.Exists(state.IssuedFile))
        {
            yield break;
        }

        foreach (string line in File.ReadLines(state.IssuedFile))
        {
            IssuedRecord? record = null;
            try
            {
                record = JsonSerializer.Deserialize(line, IssuedJson.Default.IssuedRecord);
            }
            catch (JsonException)
            {
                continue;
            }

            if (record is not null)
            {
                yield return record;
            }
        }
    }

    /// <exception cref="IOException">It cannot be written, or not whole; the record counts as not there.</exception>
    /// <exception cref="UnauthorizedAccessException">It cannot be opened.</exception>
    public void Append(IssuedRecord record)
    {
        byte[] json = JsonSerializer.SerializeToUtf8Bytes(record, IssuedJson.Default.IssuedRecord);
        byte[] line = _isTorn ? [(byte)'\n', .. json, (byte)'\n'] : [.. json, (byte)'\n'];
        _stream ??= StateDirectory.OpenSecretForAppend(_state.IssuedFile);
        _isTorn = true;
        _stream.Write(line);
        _isTorn = false;
        Note(record);
    }

    /// <summary>When the last certificate of this issuer expires; long ago when it signed none.</summary>
    public DateTimeOffset LastExpiryOf(string issuerKeyId) => _lastExpiry.GetValueOrDefault(issuerKeyId, DateTimeOffset.MinValue);

    /// <summary>Drops what has expired.</summary>
    /// <exception cref="IOException">The file cannot be written anew; it stays as it was and records go on.</exception>
    /// <exception cref="UnauthorizedAccessException">Likewise.</exception>
    public void Compact(DateTimeOffset now)
    {
        try
        {
            Compact(_state, now);
            _isTorn = false;
        }
        finally
        {
            // The name may stand for another file now. It is opened by the next record, which is not written where it cannot be.
            _stream?.Dispose();
            _stream = null;
        }
    }

    public void Dispose() => _stream?.Dispose();

    private static void Compact(StateDirectory state, DateTimeOffset now)
    {
        using var kept = new MemoryStream();
        foreach (IssuedRecord record in Read(state).Where(record => record.ExpiresAt > now))
        {
            kept.Write(JsonSerializer.SerializeToUtf8Bytes(record, IssuedJson.Default.IssuedRecord));
            kept.WriteByte((byte)'\n');
        }

        StateDirectory.WriteSecret(state.IssuedFile, kept.GetBuffer().AsSpan(0, (int)kept.Length));
    }

    private void Note(IssuedRecord record)
    {
        if (record.ExpiresAt > LastExpiryOf(record.IssuerKeyId))
        {
            _lastExpiry[record.IssuerKeyId] = record.ExpiresAt;
        }
    }
}
