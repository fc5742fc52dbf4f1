using System.Net;
using System.Security.Cryptography;
using Mesh.Node.Model;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Protocols.Hbone;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Proxy.Http.Detection;
using Mesh.Node.Proxy.Telemetry;

namespace Mesh.Node.Proxy.Hbone;

/// <summary>An HBONE CONNECT, as sent and as received: ztunnel's headers.</summary>
internal sealed record ConnectRequest
{
    private ConnectRequest()
    {
    }

    /// <summary>Why the request cannot be served as it stands; null for a well-formed one.</summary>
    public CloseReason? Error { get; private init; }

    /// <summary>What is asked for: an <see cref="IPEndPoint"/> or a <see cref="DnsEndPoint"/>. Set unless there is an error.</summary>
    public EndPoint? Authority { get; private init; }

    /// <summary>The service the client dialled, by host name; null when it did not say.</summary>
    public string? ServiceHost { get; private init; }

    /// <summary>What the client begins with, in the words of the proxy that captured it.</summary>
    public Beginning Beginning { get; private init; }

    /// <summary>Writes a request into the list, replacing what it held.</summary>
    public static HeaderList Write(
        HeaderList headers,
        IPEndPoint target,
        IPEndPoint client,
        Workload source,
        Service? service,
        Beginning beginning = Beginning.Unknown)
    {
        headers.Clear();
        headers.Add(":method"u8, "CONNECT"u8);
        Span<byte> text = stackalloc byte[Baggage.BytesMax];
        if (HboneAuthority.TryFormat(target, text, out int bytes))
        {
            headers.Add(":authority"u8, text[..bytes]);
        }

        if (beginning != Beginning.Unknown)
        {
            headers.Add(Beginnings.FieldName, Beginnings.TextOf(beginning));
        }

        if (WorkloadBaggage.For(source).TryFormat(text, out bytes))
        {
            headers.Add("baggage"u8, text[..bytes]);
        }

        // Names the connection, so it never repeats: compression gains nothing by remembering it.
        if (Forwarded.TryFormat(client, service?.Hostname, text, out bytes))
        {
            headers.Add("forwarded"u8, text[..bytes], neverIndex: true);
        }

        Span<byte> random = stackalloc byte[24];
        RandomNumberGenerator.Fill(random);
        if (TraceParent.FromRandom(random).TryFormat(text, out bytes))
        {
            headers.Add("traceparent"u8, text[..bytes], neverIndex: true);
        }

        return headers;
    }

    /// <summary>Reads a request. The list is not kept.</summary>
    public static ConnectRequest Read(HeaderList headers)
    {
        if (!headers.TryGet(":method"u8, out ReadOnlySpan<byte> method) || !method.SequenceEqual("CONNECT"u8))
        {
            return new ConnectRequest { Error = CloseReason.MethodRefused };
        }

        // With :protocol it would be an extended CONNECT (RFC 8441), which carries something else than a TCP stream.
        if (headers.TryGet(":protocol"u8, out _))
        {
            return new ConnectRequest { Error = CloseReason.MethodRefused };
        }

        if (!headers.TryGet(":authority"u8, out ReadOnlySpan<byte> text) || !HboneAuthority.TryParse(text, out HboneAuthority authority))
        {
            return new ConnectRequest { Error = CloseReason.AuthorityInvalid };
        }

        string? serviceHost =
            headers.TryGet("forwarded"u8, out ReadOnlySpan<byte> forwarded) && Forwarded.TryParse(forwarded, out Forwarded parsed)
            ? parsed.Host
            : null;
        return new ConnectRequest
        {
            Authority = authority.EndPoint is IPEndPoint address ? address : new DnsEndPoint(authority.Host!, authority.Port),
            ServiceHost = serviceHost,
            Beginning = headers.TryGet(Beginnings.FieldName, out ReadOnlySpan<byte> begins) ? Beginnings.Parse(begins) : Beginning.Unknown,
        };
    }

    /// <summary>The service the client says it dialled, where the mesh knows it: for telemetry, since the client chose the words.</summary>
    public Service? FindService(MeshSnapshot snapshot, string @namespace) =>
        ServiceHost is null ? null : snapshot.FindServiceByHostname(ServiceHost, @namespace);
}
