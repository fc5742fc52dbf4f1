using System.Text;

namespace Mesh.Fuzz.Oracles;

/// <summary>Reads a ClientHello byte by byte, as a machine whose states are the places a byte can stand at.</summary>
internal sealed class SlowClientHello
{
    public const string NeedMore = "more";
    public const string Malformed = "malformed";

    private const int InputBytesMax = 16_384;
    private const int RecordsMax = 16;

    private readonly List<byte> _header = [];
    private readonly List<byte> _message = [];
    private int _payloadLeft;
    private int _messageBytes = -1;
    private int _records;
    private string? _verdict;

    /// <summary>Says "more", "malformed", or the server name and, in hexadecimal, the protocols.</summary>
    public static string Read(byte[] input)
    {
        var reader = new SlowClientHello();
        foreach (byte next in input.Take(InputBytesMax))
        {
            if (reader._verdict is null)
            {
                reader.Feed(next);
            }
        }

        return reader._verdict ?? (input.Length >= InputBytesMax ? Malformed : NeedMore);
    }

    public static string Describe(string serverName, IEnumerable<string> protocols) => $"name '{serverName}' protocols {string.Join(' ', protocols)}";

    private void Feed(byte next)
    {
        bool isRight = _payloadLeft == 0 ? FeedHeader(next) : FeedMessage(next);
        if (!isRight)
        {
            _verdict = Malformed;
        }
    }

    private bool FeedHeader(byte next)
    {
        _header.Add(next);
        switch (_header.Count)
        {
            case 1:
                return next == 22;
            case 2:
                return next == 3;
            case 3:
                return next <= 4;
            case 5:
                _payloadLeft = (_header[3] * 256) + next;
                _header.Clear();
                _records++;
                return _payloadLeft is >= 1 and <= 16_384 && FitsMessage();
            default:
                return true;
        }
    }

    private bool FeedMessage(byte next)
    {
        _message.Add(next);
        _payloadLeft--;
        if (_message.Count == 1 && next != 1)
        {
            return false;
        }

        if (_message.Count == 4)
        {
            _messageBytes = 4 + (_message[1] * 65_536) + (_message[2] * 256) + _message[3];
            if (_messageBytes > InputBytesMax - 5 || !FitsMessage())
            {
                return false;
            }
        }

        if (_message.Count == _messageBytes)
        {
            _verdict = ReadBody([.. _message.Skip(4)]);
            return true;
        }

        return _payloadLeft > 0 || _records < RecordsMax;
    }

    private bool FitsMessage() => _messageBytes < 0 || _messageBytes - _message.Count >= _payloadLeft;

    private static string ReadBody(byte[] body)
    {
        try
        {
            int at = 34;
            bool isRight = body[0] == 3 && body[33] >= 0;
            byte[] session = Vector(body, ref at, 1);
            byte[] suites = Vector(body, ref at, 2);
            byte[] compressions = Vector(body, ref at, 1);
            isRight &= session.Length <= 32 && suites.Length > 0 && suites.Length % 2 == 0 && compressions.Contains((byte)0);
            if (!isRight || at == body.Length)
            {
                return isRight ? Describe("", []) : Malformed;
            }

            byte[] extensions = Vector(body, ref at, 2);
            return at == body.Length ? ReadExtensions(extensions) : Malformed;
        }
        catch (Exception cut) when (cut is IndexOutOfRangeException or ArgumentException or InvalidDataException)
        {
            return Malformed;
        }
    }

    private static string ReadExtensions(byte[] extensions)
    {
        Dictionary<int, byte[]> all = [];
        for (int at = 0; at < extensions.Length;)
        {
            int type = (extensions[at] * 256) + extensions[at + 1];
            at += 2;
            all.Add(type, Vector(extensions, ref at, 2));
        }

        string name = all.TryGetValue(0, out byte[]? names) ? ReadName(names) : "";
        string[] protocols = all.TryGetValue(16, out byte[]? offered) ? ReadProtocols(offered) : [];
        return all.Count <= 64 ? Describe(name, protocols) : Malformed;
    }

    private static string ReadName(byte[] extension)
    {
        int at = 0;
        byte[] list = Vector(extension, ref at, 2);
        int inList = 1;
        byte[] name = Vector(list, ref inList, 2);
        string text = Encoding.Latin1.GetString(name);
        bool isName = text.Length is >= 1 and <= 253 && text.Split('.').All(label =>
            label.Length is >= 1 and <= 63 && label.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '-' or '_'));
        return at == extension.Length && inList == list.Length && list[0] == 0 && isName ? text : throw new InvalidDataException();
    }

    private static string[] ReadProtocols(byte[] extension)
    {
        int at = 0;
        byte[] list = Vector(extension, ref at, 2);
        List<string> names = [];
        for (int inList = 0; inList < list.Length;)
        {
            names.Add(Convert.ToHexString(Vector(list, ref inList, 1)));
        }

        return at == extension.Length && names.Count > 0 && names.TrueForAll(name => name.Length > 0) ? [.. names] : throw new InvalidDataException();
    }

    private static byte[] Vector(byte[] bytes, ref int at, int lengthBytes)
    {
        int length = 0;
        for (int index = 0; index < lengthBytes; index++)
        {
            length = (length * 256) + bytes[at++];
        }

        at += length;
        return at <= bytes.Length ? bytes[(at - length)..at] : throw new InvalidDataException();
    }
}
