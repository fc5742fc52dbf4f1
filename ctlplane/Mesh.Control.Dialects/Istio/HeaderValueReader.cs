using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Mesh.Control.Dialects.Traffic;
using Mesh.Control.Model.Inputs;
using Mesh.Control.Model.Traffic;

namespace Mesh.Control.Dialects.Istio;

/// <summary>
/// Reads the value of a header with Envoy's operators between percent signs: <c>%REQ(x-a?x-b):20%</c>, <c>%START_TIME%</c> (reference
/// B.1); <c>%%</c> is a percent sign.
/// </summary>
internal static class HeaderValueReader
{
    private const int PartsMax = 32;
    private const int BytesMax = 16_384;

    private static readonly FrozenDictionary<string, HeaderOperator> s_operators = new Dictionary<string, HeaderOperator>
    {
        ["REQ"] = HeaderOperator.RequestField,
        ["RESP"] = HeaderOperator.ResponseField,
        ["START_TIME"] = HeaderOperator.StartTime,
        ["PROTOCOL"] = HeaderOperator.Protocol,
        ["RESPONSE_CODE"] = HeaderOperator.ResponseCode,
        ["ROUTE_NAME"] = HeaderOperator.RouteName,
        ["REQUESTED_SERVER_NAME"] = HeaderOperator.RequestedServerName,
        ["DOWNSTREAM_REMOTE_ADDRESS"] = HeaderOperator.ClientAddress,
        ["DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT"] = HeaderOperator.ClientAddressWithoutPort,
        ["DOWNSTREAM_DIRECT_REMOTE_ADDRESS"] = HeaderOperator.ClientAddress,
        ["DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT"] = HeaderOperator.ClientAddressWithoutPort,
        ["DOWNSTREAM_LOCAL_ADDRESS"] = HeaderOperator.DialledAddress,
        ["DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT"] = HeaderOperator.DialledAddressWithoutPort,
        ["DOWNSTREAM_LOCAL_PORT"] = HeaderOperator.DialledPort,
        ["UPSTREAM_HOST"] = HeaderOperator.UpstreamAddress,
        ["UPSTREAM_REMOTE_ADDRESS"] = HeaderOperator.UpstreamAddress,
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>What is known only when there is a response.</summary>
    private static readonly ImmutableArray<HeaderOperator> s_ofResponses =
        [HeaderOperator.ResponseField, HeaderOperator.ResponseCode, HeaderOperator.UpstreamAddress];

    private static readonly string[] s_pseudoFields = [":authority", ":method", ":path", ":scheme"];

    /// <param name="section">The headers it is of.</param>
    /// <param name="key">Which of them.</param>
    /// <param name="value">As written.</param>
    /// <param name="isResponse">Whether it is for responses.</param>
    /// <returns>Null where something is wrong, which is said; one text for what has no operators.</returns>
    public static ImmutableArray<HeaderValuePart>? Read(FieldReader section, string key, string value, bool isResponse)
    {
        ImmutableArray<HeaderValuePart>.Builder parts = ImmutableArray.CreateBuilder<HeaderValuePart>();
        var text = new StringBuilder();
        for (int place = 0; place < value.Length;)
        {
            if (value[place] != '%')
            {
                text.Append(value[place++]);
                continue;
            }

            int end = EndOf(value, place + 1);
            if (end < 0)
            {
                section.Error(
                    key, $"'{value}': an operator begins at character {place + 1} and does not end.", "Write %% for a percent sign.");
                return null;
            }

            if (end == place + 1)
            {
                text.Append('%');
            }
            else if (ReadOperator(section, key, value[(place + 1)..end], isResponse) is { } part)
            {
                AddText(parts, text);
                parts.Add(part);
            }
            else
            {
                return null;
            }

            place = end + 1;
        }

        AddText(parts, text);
        if (parts.Count > PartsMax)
        {
            section.Error(key, $"'{value}' has {parts.Count} parts; {PartsMax} are allowed.");
            return null;
        }

        return parts.ToImmutable();
    }

    private static void AddText(ImmutableArray<HeaderValuePart>.Builder parts, StringBuilder text)
    {
        if (text.Length > 0)
        {
            parts.Add(new HeaderValuePart(HeaderOperator.Text, text.ToString()));
            text.Clear();
        }
    }

    /// <summary>Of the percent sign that ends an operator; what is in parentheses may have some of its own.</summary>
    private static int EndOf(string value, int place)
    {
        bool isInside = false;
        for (; place < value.Length; place++)
        {
            switch (value[place])
            {
                case '(':
                    isInside = true;
                    break;
                case ')':
                    isInside = false;
                    break;
                case '%' when !isInside:
                    return place;
            }
        }

        return -1;
    }

    private static HeaderValuePart? ReadOperator(FieldReader section, string key, string text, bool isResponse)
    {
        (string name, string? argument, string ending) = Split(text);
        if (!s_operators.TryGetValue(name, out HeaderOperator known))
        {
            string all = string.Join(", ", s_operators.Keys.Order(StringComparer.Ordinal));
            section.Error(key, $"The operator %{text}% is not known here.", $"Those that are: {all}. Write %% for a percent sign.");
            return null;
        }

        if (!isResponse && s_ofResponses.Contains(known))
        {
            section.Error(key, $"%{text}% is not known before there is a response.", "Write it in headers of responses.");
            return null;
        }

        bool isField = known is HeaderOperator.RequestField or HeaderOperator.ResponseField;
        int bytes = 0;
        bool isLimited = ending.Length == 0
            || (ending[0] == ':' && isField
                && int.TryParse(ending.AsSpan(1), NumberStyles.None, CultureInfo.InvariantCulture, out bytes)
                && bytes is > 0 and <= BytesMax);
        if (!isLimited || isField != argument is not null)
        {
            section.Error(
                key,
                $"%{text}% is not how {name} is written.",
                isField ? $"Write such as %{name}(x-a)%, %{name}(x-a?x-b)% or %{name}(x-a):20%." : $"Write %{name}%.");
            return null;
        }

        if (!isField)
        {
            return new HeaderValuePart(known, string.Empty);
        }

        string[] names = argument!.ToLowerInvariant().Split('?');
        for (int index = 0; index < names.Length; index++)
        {
            names[index] = known == HeaderOperator.RequestField && names[index] == "host" ? ":authority" : names[index];
            bool isPseudo = known == HeaderOperator.RequestField && s_pseudoFields.Contains(names[index], StringComparer.Ordinal);
            if (index > 1 || !(isPseudo || TrafficFields.IsHeaderName(names[index])))
            {
                section.Error(key, $"%{text}%: '{argument}' names no header, nor two with a question mark between them.");
                return null;
            }
        }

        return new HeaderValuePart(known, names[0]) { Alternative = names.ElementAtOrDefault(1) ?? string.Empty, BytesMax = bytes };
    }

    private static (string Name, string? Argument, string Ending) Split(string text)
    {
        int open = text.IndexOf('(', StringComparison.Ordinal);
        int close = text.IndexOf(')', StringComparison.Ordinal);
        if (open >= 0 && close > open)
        {
            return (text[..open], text[(open + 1)..close], text[(close + 1)..]);
        }

        int colon = text.IndexOf(':', StringComparison.Ordinal);
        return colon < 0 ? (text, null, string.Empty) : (text[..colon], null, text[colon..]);
    }
}
