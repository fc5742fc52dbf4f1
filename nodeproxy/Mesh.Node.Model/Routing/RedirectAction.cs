using System.Buffers;
using System.Buffers.Text;
using System.Text;

namespace Mesh.Node.Model.Routing;

/// <summary>The client is told to ask elsewhere. Immutable; any thread.</summary>
public sealed record RedirectAction : RouteAction
{
    private const int HttpPort = 80;
    private const int HttpsPort = 443;

    /// <summary>301, 302, 303, 307 or 308.</summary>
    public int Status { get; init; } = 301;

    /// <summary>http or https; null for the request's own.</summary>
    public string? Scheme { get; init; }

    /// <summary>The host, without a port; null for the request's own.</summary>
    public string? Host { get; init; }

    /// <summary>What becomes of the path; null for nothing.</summary>
    public PathRewrite? Path { get; init; }

    public RedirectPort PortFrom { get; init; }

    /// <summary>Used with <see cref="RedirectPort.Given"/>.</summary>
    public ushort Port { get; init; }

    /// <summary>Writes the value of location. A port that its scheme has anyway is left out; the query stays as it was.</summary>
    /// <param name="request">The request.</param>
    /// <param name="match">What it was found by.</param>
    /// <param name="output">Where it goes.</param>
    /// <returns>False when the path becomes longer than it may be; what is written is then of no use.</returns>
    public bool TryWriteLocation<TRequest>(scoped ref readonly TRequest request, RouteMatch match, IBufferWriter<byte> output)
        where TRequest : IRequestFacts, allows ref struct
    {
        ArgumentNullException.ThrowIfNull(match);
        bool isSecure = Scheme is null ? request.Scheme.SequenceEqual("https"u8) : Scheme == "https";
        (int hostBytes, int? requestPort) = Split(request.Authority);
        output.Write(isSecure ? "https://"u8 : "http://"u8);
        if (Host is null)
        {
            output.Write(request.Authority[..hostBytes]);
        }
        else
        {
            Encoding.UTF8.GetBytes(Host, output);
        }

        int? port = PortFrom switch
        {
            RedirectPort.Given => Port,
            RedirectPort.OfRequest => requestPort,
            _ => null,
        };
        if (port is int known && known != (isSecure ? HttpsPort : HttpPort))
        {
            WritePort(known, output);
        }

        if (Path is null)
        {
            output.Write(request.Path);
        }
        else if (!Path.TryWrite(request.Path, match.Path, output))
        {
            return false;
        }

        if (!request.Query.IsEmpty)
        {
            output.Write("?"u8);
            output.Write(request.Query);
        }

        return true;
    }

    /// <summary>Where the host of an authority ends, and the port behind it. What is between brackets is an address and no port.</summary>
    private static (int HostBytes, int? Port) Split(ReadOnlySpan<byte> authority)
    {
        int colon = authority.LastIndexOf((byte)':');
        bool hasPort = colon >= 0 && colon > authority.LastIndexOf((byte)']');
        return hasPort && Utf8Parser.TryParse(authority[(colon + 1)..], out int port, out _)
            ? (colon, port)
            : (authority.Length, null);
    }

    private static void WritePort(int port, IBufferWriter<byte> output)
    {
        const int LongestBytes = 6;
        Span<byte> text = output.GetSpan(LongestBytes);
        text[0] = (byte)':';
        _ = Utf8Formatter.TryFormat(port, text[1..], out int written);
        output.Advance(1 + written);
    }
}

/// <summary>Where the port of a redirect comes from.</summary>
public enum RedirectPort
{
    /// <summary>The scheme's own, so none is written.</summary>
    OfScheme,

    /// <summary>The one the client asked at.</summary>
    OfRequest,

    /// <summary>The one that is given.</summary>
    Given,
}
