using System.Buffers;
using System.Text;
using Mesh.Node.Model.Policies.Tokens;
using Mesh.Node.Protocols.Http;

namespace Mesh.Node.Proxy.Authentication;

/// <summary>Finds the tokens of a request where a rule says that they are, and takes them away. No allocation.</summary>
internal static class TokenPlaces
{
    private const int OnStackBytesMax = 1_024;

    /// <summary>Finds tokens; a place that holds nothing is none.</summary>
    /// <param name="rule">Says where.</param>
    /// <param name="head">The request.</param>
    /// <param name="places">Where they go, as many as there is room for.</param>
    /// <returns>How many there are.</returns>
    public static int Find(TokenRule rule, RequestHead head, Span<TokenPlace> places)
    {
        var found = new Finding(places);
        for (int index = 0; index < head.Fields.Count; index++)
        {
            HeaderField field = head.Fields[index];
            foreach (TokenField wanted in rule.Fields)
            {
                if (field.Name.SequenceEqual(wanted.Name.Bytes) && StartsWith(field.Value, wanted))
                {
                    int start = wanted.Prefix.Bytes.Length;
                    found.Add(TokenPlaceKind.Field, index, field.Value, start, field.Value.Length, 0, field.Value.Length);
                }
            }

            if (!rule.Cookies.IsEmpty && field.Name.SequenceEqual("cookie"u8))
            {
                FindPairs(TokenPlaceKind.Cookie, index, field.Value, 0, (byte)';', rule.Cookies.AsSpan(), ref found);
            }
        }

        int query = rule.Parameters.IsEmpty ? -1 : head.Path.IndexOf((byte)'?');
        if (query >= 0)
        {
            FindPairs(TokenPlaceKind.Parameter, -1, head.Path, query + 1, (byte)'&', rule.Parameters.AsSpan(), ref found);
        }

        return found.Count;
    }

    /// <summary>The token at a place.</summary>
    public static ReadOnlySpan<byte> TokenAt(RequestHead head, in TokenPlace place) =>
        (place.Kind == TokenPlaceKind.Parameter ? head.Path : head.Fields[place.FieldIndex].Value).Slice(place.Start, place.Bytes);

    /// <summary>Takes every token away that the rule finds.</summary>
    public static void RemoveAll(TokenRule rule, RequestHead head)
    {
        // One after another: taking one away moves the others.
        Span<TokenPlace> first = stackalloc TokenPlace[1];
        while (Find(rule, head, first) > 0)
        {
            Remove(head, in first[0]);
        }
    }

    private static bool StartsWith(ReadOnlySpan<byte> value, TokenField wanted)
    {
        ReadOnlySpan<byte> prefix = wanted.Prefix.Bytes;
        return wanted.IgnoresCase
            ? value.Length >= prefix.Length && Ascii.EqualsIgnoreCase(value[..prefix.Length], prefix)
            : value.StartsWith(prefix);
    }

    /// <summary>Finds names among pairs such as <c>a=1;b=2</c>.</summary>
    private static void FindPairs(
        TokenPlaceKind kind,
        int fieldIndex,
        ReadOnlySpan<byte> text,
        int start,
        byte separator,
        ReadOnlySpan<ByteText> names,
        ref Finding found)
    {
        while (start <= text.Length)
        {
            int bytes = text[start..].IndexOf(separator);
            int end = bytes < 0 ? text.Length : start + bytes;
            int equals = text[start..end].IndexOf((byte)'=');
            if (equals >= 0)
            {
                ReadOnlySpan<byte> name = text.Slice(start, equals).Trim((byte)' ');
                foreach (ByteText wanted in names)
                {
                    if (name.SequenceEqual(wanted.Bytes))
                    {
                        found.Add(kind, fieldIndex, text, start + equals + 1, end, start, end);
                    }
                }
            }

            start = end + 1;
        }
    }

    private static void Remove(RequestHead head, in TokenPlace place)
    {
        ReadOnlySpan<byte> text = place.Kind == TokenPlaceKind.Parameter ? head.Path : head.Fields[place.FieldIndex].Value;
        byte[]? rented = text.Length > OnStackBytesMax ? ArrayPool<byte>.Shared.Rent(text.Length) : null;
        Span<byte> buffer = rented ?? stackalloc byte[OnStackBytesMax];

        // With the separator after it, or the one before it where it is the last.
        bool isLast = place.OuterEnd == text.Length;
        int bytes = place.OuterStart - (isLast && place.OuterStart > 0 ? 1 : 0);
        text[..bytes].CopyTo(buffer);
        if (!isLast)
        {
            ReadOnlySpan<byte> rest = text[(place.OuterEnd + 1)..];
            rest.CopyTo(buffer[bytes..]);
            bytes += rest.Length;
        }

        if (place.Kind == TokenPlaceKind.Parameter)
        {
            head.Path = buffer[..bytes];
        }
        else
        {
            head.Fields.RemoveAt(place.FieldIndex);
            ReadOnlySpan<byte> left = buffer[..bytes].Trim((byte)' ');
            if (place.Kind == TokenPlaceKind.Cookie && !left.IsEmpty)
            {
                head.Fields.Add("cookie"u8, left);
            }
        }

        if (rented is not null)
        {
            rented.AsSpan(0, text.Length).Clear();
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    /// <summary>What was found so far. Lives on the stack.</summary>
    private ref struct Finding(Span<TokenPlace> places)
    {
        private readonly Span<TokenPlace> _places = places;

        public int Count { get; private set; }

        public void Add(TokenPlaceKind kind, int fieldIndex, ReadOnlySpan<byte> text, int start, int end, int outerStart, int outerEnd)
        {
            while (start < end && text[start] == (byte)' ')
            {
                start++;
            }

            while (end > start && text[end - 1] == (byte)' ')
            {
                end--;
            }

            if (start == end)
            {
                return;
            }

            if (Count < _places.Length)
            {
                _places[Count] = new TokenPlace(kind, fieldIndex, start, end - start, outerStart, outerEnd);
            }

            Count++;
        }
    }
}

/// <summary>What a token stands in.</summary>
internal enum TokenPlaceKind : byte
{
    Field,
    Parameter,
    Cookie,
}

/// <summary>Where a token stands.</summary>
/// <param name="Kind">In what.</param>
/// <param name="FieldIndex">In which field; -1 for a parameter.</param>
/// <param name="Start">Where in the field's value, or in path and query, it begins.</param>
/// <param name="Bytes">Its length.</param>
/// <param name="OuterStart">Where what goes with it begins: the field, or the pair.</param>
/// <param name="OuterEnd">Where that ends.</param>
internal readonly record struct TokenPlace(TokenPlaceKind Kind, int FieldIndex, int Start, int Bytes, int OuterStart, int OuterEnd);
