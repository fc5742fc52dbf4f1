using System.Net;

namespace Mesh.Node.Proxy.Admin;

/// <summary>
/// Where proxy and agent can be looked at. Section <c>admin</c> of the node's configuration file; an empty text turns one off.
/// </summary>
public sealed class AdminOptions
{
    /// <summary>The administrator's pages: configuration, certificates, connections, log level. Loopback, or there is a reason.</summary>
    public string Address { get; set; } = "127.0.0.1:15000";

    /// <summary>Metrics for scrapers, and nothing else. <c>[::]</c> is every address of both families.</summary>
    public string Metrics { get; set; } = "[::]:15020";

    /// <summary>Readiness for whoever restarts and routes, and nothing else.</summary>
    public string Readiness { get; set; } = "[::]:15021";

    /// <summary>The agent's own port: whether it lives and is ready, and its metrics. Empty: none.</summary>
    public string Agent { get; set; } = "";

    /// <summary>Reads one of the addresses.</summary>
    /// <param name="key">The name of the key, for the error.</param>
    /// <param name="text">Its value.</param>
    /// <returns>Null when it is empty.</returns>
    /// <exception cref="FormatException">The value is no address and port; the message names the key.</exception>
    public static IPEndPoint? Parse(string key, string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.Length == 0)
        {
            return null;
        }

        // IPEndPoint takes an address without a port for port 0; here a port is what it is about.
        int colon = text.LastIndexOf(':');
        bool hasPort = colon > 0 && colon < text.Length - 1 && (text[0] != '[' || text[colon - 1] == ']');
        return hasPort && IPEndPoint.TryParse(text, out IPEndPoint? endpoint) && (text[0] == '[' || text.IndexOf(':') == colon)
            ? endpoint
            : throw new FormatException($"admin.{key}: '{text}' is not an address and port such as 127.0.0.1:15000 or [::]:15020.");
    }
}
