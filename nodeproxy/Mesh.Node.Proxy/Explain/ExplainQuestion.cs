using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace Mesh.Node.Proxy.Explain;

/// <summary>A request that nobody need have sent, of which is asked what would become of it.</summary>
public sealed record ExplainQuestion
{
    /// <summary>The client's workload: namespace/name, or its uid.</summary>
    public required string From { get; init; }

    /// <summary>The name or the address the client connects to.</summary>
    public required string Host { get; init; }

    /// <summary>The port the client connects to.</summary>
    public required ushort Port { get; init; }

    public string Method { get; init; } = "GET";

    /// <summary>Path and query.</summary>
    public string Path { get; init; } = "/";

    /// <summary>What stands in Host, or in :authority.</summary>
    public required string Authority { get; init; }

    /// <summary>Further fields, in order.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Headers { get; init; } = [];

    /// <summary>Reads the question a query asks: from, to, and perhaps method, path, host and any number of header.</summary>
    /// <param name="query">The query of the page.</param>
    /// <param name="question">The question.</param>
    /// <param name="error">What is wrong with it, by parameter.</param>
    public static bool TryRead(
        IQueryCollection query,
        [NotNullWhen(true)] out ExplainQuestion? question,
        [NotNullWhen(false)] out string? error)
    {
        ArgumentNullException.ThrowIfNull(query);
        question = null;
        string from = query["from"].ToString();
        string to = query["to"].ToString();
        if (from.Length == 0)
        {
            error = "from: who asks is missing, NAMESPACE/POD.";
            return false;
        }

        if (!TryReadTarget(to, out string host, out ushort port))
        {
            error = to.Length == 0
                ? "to: whom it asks is missing, HOST:PORT or ADDRESS:PORT."
                : $"to: '{to}' is not HOST:PORT or ADDRESS:PORT.";
            return false;
        }

        var headers = new List<KeyValuePair<string, string>>();
        foreach (string? header in query["header"])
        {
            int colon = header?.IndexOf(':', StringComparison.Ordinal) ?? -1;
            if (colon <= 0)
            {
                error = $"header: '{header}' is not NAME: VALUE.";
                return false;
            }

            headers.Add(KeyValuePair.Create(header![..colon], header[(colon + 1)..].Trim()));
        }

        question = new ExplainQuestion
        {
            From = from,
            Host = host,
            Port = port,
            Method = Or(query["method"], "GET"),
            Path = Or(query["path"], "/"),
            Authority = Or(query["host"], host),
            Headers = headers,
        };
        error = null;
        return true;
    }

    private static string Or(StringValues given, string otherwise) => StringValues.IsNullOrEmpty(given) ? otherwise : given.ToString();

    private static bool TryReadTarget(string text, out string host, out ushort port)
    {
        host = "";
        port = 0;
        int colon = text.LastIndexOf(':');
        if (colon <= 0 || !ushort.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out port) || port == 0)
        {
            return false;
        }

        host = text[..colon];
        if (host.StartsWith('[') && host.EndsWith(']'))
        {
            host = host[1..^1];
            return IPAddress.TryParse(host, out _);
        }

        return !host.Contains(':', StringComparison.Ordinal);
    }
}
