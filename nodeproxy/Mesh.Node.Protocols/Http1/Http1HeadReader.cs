using System.Text;
using Mesh.Node.Protocols.Http;

namespace Mesh.Node.Protocols.Http1;

/// <summary>
/// What the readers of request and response heads have in common: the fields that delimit the message and its connection.
/// </summary>
public abstract class Http1HeadReader : Http1FieldReader
{
    private const string Prefix = "HTTP/";

    private readonly ConnectionOptions _connection = new();
    private TransferCodings _codings;
    private int _upgrades;

    private protected Http1HeadReader(Http1Options options)
        : base(options)
    {
    }

    /// <summary>What content-length says, or -1.</summary>
    private protected long ContentBytes { get; private set; }

    private protected bool IsChunked => _codings.IsPresent;

    private protected bool HasFraming => IsChunked || ContentBytes >= 0;

    private protected bool IsUpgradeNamed => _connection.HasUpgrade;

    private protected void ResetHead()
    {
        ResetFields();
        _connection.Clear();
        _codings = default;
        _upgrades = 0;
        ContentBytes = -1;
    }

    /// <summary>Reads "HTTP/1.0" or "HTTP/1.1".</summary>
    private protected static Http1Refusal ReadVersion(ReadOnlySpan<byte> text, out HttpProtocol protocol)
    {
        protocol = HttpProtocol.Http11;
        if (text.SequenceEqual("HTTP/1.1"u8))
        {
            return Http1Refusal.None;
        }

        if (text.SequenceEqual("HTTP/1.0"u8))
        {
            protocol = HttpProtocol.Http10;
            return Http1Refusal.None;
        }

        bool isVersion = text.Length == Prefix.Length + 3 && text.StartsWith("HTTP/"u8) && char.IsAsciiDigit((char)text[Prefix.Length])
            && text[Prefix.Length + 1] == (byte)'.' && char.IsAsciiDigit((char)text[^1]);
        return isVersion ? Http1Refusal.UnsupportedVersion : Http1Refusal.BadVersion;
    }

    /// <summary>Judges a field; told apart by length first, because most have no rule of their own.</summary>
    private protected sealed override Http1Refusal OnField(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, out bool isKept)
    {
        isKept = false;
        switch (name.Length)
        {
            case 7 when name.SequenceEqual("upgrade"u8):
                _upgrades++;
                OnUpgrade(value);
                return Http1Refusal.None;

            case 10 when name.SequenceEqual("connection"u8):
                return _connection.Read(value);

            case 10 when name.SequenceEqual("keep-alive"u8):
            case 16 when name.SequenceEqual("proxy-connection"u8):
                return Http1Refusal.None;

            case 14 when name.SequenceEqual("content-length"u8):
                return OnContentLength(value);

            case 17 when name.SequenceEqual("transfer-encoding"u8):
                _codings.Read(value);
                return Http1Refusal.None;

            default:
                return OnOtherField(name, value, out isKept);
        }
    }

    private protected abstract Http1Refusal OnOtherField(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, out bool isKept);

    /// <summary>Keeps the protocol of an upgrade until the whole head is known.</summary>
    private protected abstract void OnUpgrade(ReadOnlySpan<byte> protocol);

    /// <summary>Judges transfer codings beside everything else that delimits the message.</summary>
    private protected Http1Refusal JudgeCodings(HttpProtocol protocol) => _codings.Judge(protocol, ContentBytes >= 0);

    /// <summary>True when exactly one upgrade is named, and it is one that we pass on.</summary>
    private protected bool IsUpgrade(HttpProtocol protocol, ReadOnlySpan<byte> upgrade)
    {
        if (_upgrades != 1 || !_connection.HasUpgrade || protocol != HttpProtocol.Http11)
        {
            return false;
        }

        foreach (string allowed in Options.UpgradeProtocols)
        {
            if (Ascii.EqualsIgnoreCase(upgrade, allowed))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Removes what Connection names and says whether the connection outlives the message.</summary>
    private protected bool FinishConnection(HttpProtocol protocol, HeaderList fields)
    {
        _connection.RemoveNamed(fields);
        return _connection.IsPersistent(protocol);
    }

    private Http1Refusal OnContentLength(ReadOnlySpan<byte> value)
    {
        if (ContentBytes >= 0)
        {
            return Http1Refusal.RepeatedContentLength;
        }

        ContentBytes = FieldRules.ParseContentLength(value);
        if (ContentBytes >= 0)
        {
            return Http1Refusal.None;
        }

        return value.Contains((byte)',') ? Http1Refusal.RepeatedContentLength : Http1Refusal.BadContentLength;
    }
}
