using System.Net;
using System.Numerics;
using Mesh.Api.Identity;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Proxy.Telemetry.Requests;

namespace Mesh.Node.Proxy.Telemetry.Logging;

/// <summary>Writes one request as one line, in istio's two forms. What is missing is "-".</summary>
/// <remarks>
/// What a client chose stands between quotes and is escaped, so no request can add a field or a line. The server name of a TLS handshake is
/// always missing: where requests are read, no TLS of the application was.
/// </remarks>
internal static class RequestLogFormatter
{
    /// <summary>Appends the line.</summary>
    public static void Write(LogLine line, LogFormat format, RequestRecord record)
    {
        line.BeginBare(format);
        if (format == LogFormat.Json)
        {
            WriteJson(line, record);
        }
        else
        {
            WriteText(line, record);
        }
    }

    private static void WriteText(LogLine line, RequestRecord record)
    {
        line.Bytes("["u8);
        line.Moment(record.EndedUnixMs - record.DurationMs);
        line.Bytes("] \""u8);
        Value(line, record.Text(RequestText.Method));
        line.Bytes(" "u8);
        Value(line, record.Text(RequestText.Path));
        line.Bytes(" "u8);
        line.Bytes(ProtocolText(record.Protocol));
        line.Bytes("\" "u8);
        line.Value(record.ResponseCode);
        line.Bytes(" "u8);
        Flags(line, record.Flags);
        Token(line, record.Details);
        Token(line, record.ConnectionTerminationDetails);
        line.Bytes(" \""u8);
        Value(line, record.UpstreamFailure);
        line.Bytes("\" "u8);
        line.Value(record.RequestBytes);
        line.Bytes(" "u8);
        line.Value(record.ResponseBytes);
        line.Bytes(" "u8);
        line.Value(record.DurationMs);
        line.Bytes(" "u8);
        ServiceTime(line, record.UpstreamServiceMs);
        Quoted(line, record.Text(RequestText.ForwardedFor));
        Quoted(line, record.Text(RequestText.UserAgent));
        Quoted(line, record.Text(RequestText.RequestId));
        Quoted(line, record.Text(RequestText.Authority));
        line.Bytes(" \""u8);
        Address(line, record.Upstream);
        line.Bytes("\" "u8);
        Cluster(line, record);
        line.Bytes(" "u8);
        Address(line, record.UpstreamLocal);
        line.Bytes(" "u8);
        Address(line, record.Connection?.Destination);
        line.Bytes(" "u8);
        Address(line, record.Connection?.Client);
        line.Bytes(" -"u8);
        Token(line, record.RouteName);
        if (DryRunText(record) is string dryRun)
        {
            line.Bytes(" dry_run=\""u8);
            Value(line, dryRun);
            line.Bytes("\""u8);
        }

        line.Bytes("\n"u8);
    }

    private static void WriteJson(LogLine line, RequestRecord record)
    {
        line.Bytes("{\"start_time\":\""u8);
        line.Moment(record.EndedUnixMs - record.DurationMs);
        line.Bytes("\""u8);
        Text(line, "route_name"u8, record.RouteName);
        Text(line, "method"u8, record.Text(RequestText.Method));
        Text(line, "path"u8, record.Text(RequestText.Path));
        Open(line, "protocol"u8);
        line.Bytes(ProtocolText(record.Protocol));
        Close(line);
        line.Number("response_code"u8, record.ResponseCode);
        Open(line, "response_flags"u8);
        Flags(line, record.Flags);
        Close(line);
        Text(line, "response_code_details"u8, record.Details);
        Text(line, "connection_termination_details"u8, record.ConnectionTerminationDetails);
        line.Number("bytes_received"u8, record.RequestBytes);
        line.Number("bytes_sent"u8, record.ResponseBytes);
        line.Number("duration"u8, record.DurationMs);
        Open(line, "upstream_service_time"u8);
        ServiceTime(line, record.UpstreamServiceMs);
        Close(line);
        Text(line, "x_forwarded_for"u8, record.Text(RequestText.ForwardedFor));
        Text(line, "user_agent"u8, record.Text(RequestText.UserAgent));
        Text(line, "request_id"u8, record.Text(RequestText.RequestId));
        Text(line, "authority"u8, record.Text(RequestText.Authority));
        AddressField(line, "upstream_host"u8, record.Upstream);
        Open(line, "upstream_cluster"u8);
        Cluster(line, record);
        Close(line);
        AddressField(line, "upstream_local_address"u8, record.UpstreamLocal);
        AddressField(line, "downstream_local_address"u8, record.Connection?.Destination);
        AddressField(line, "downstream_remote_address"u8, record.Connection?.Client);
        Open(line, "requested_server_name"u8);
        line.Bytes("-"u8);
        Close(line);
        Text(line, "upstream_transport_failure_reason"u8, record.UpstreamFailure);
        Party(line, "source_principal"u8, record.SourceIdentity);
        Party(line, "destination_principal"u8, record.DestinationIdentity);
        if (DryRunText(record) is string dryRun)
        {
            Text(line, "dry_run"u8, dryRun);
        }

        line.End();
    }

    /// <summary>Who asked, or was asked: no field of Istio's either, and where nobody proved who he is, there is none.</summary>
    private static void Party(LogLine line, ReadOnlySpan<byte> name, SpiffeId? identity)
    {
        if (identity is not null)
        {
            Text(line, name, identity.ToString());
        }
    }

    /// <summary>What policies in a dry run would have done: no field of Istio's, so said only where there is something to say.</summary>
    private static string? DryRunText(RequestRecord record) =>
        record.DryRun is DryRunResult result ? DryRunResults.Describe(result, record.DryRunDecidedBy) : null;

    private static ReadOnlySpan<byte> ProtocolText(HttpProtocol? protocol) => protocol switch
    {
        HttpProtocol.Http10 => "HTTP/1.0"u8,
        HttpProtocol.Http11 => "HTTP/1.1"u8,
        HttpProtocol.Http2 => "HTTP/2"u8,
        _ => "-"u8,
    };

    private static void Flags(LogLine line, ResponseFlag flags)
    {
        uint bits = (uint)flags;
        if (bits == 0)
        {
            line.Bytes("-"u8);
        }

        while (bits != 0)
        {
            line.Value(ResponseFlagTexts.OfBit(BitOperations.TrailingZeroCount(bits)));
            bits &= bits - 1;
            line.Bytes(bits == 0 ? ""u8 : ","u8);
        }
    }

    /// <summary>Where the request was to go, by istio's name for it.</summary>
    private static void Cluster(LogLine line, RequestRecord record)
    {
        if (!ConnectionPaths.IsOutbound(record.Path))
        {
            line.Bytes("inbound|"u8);
            line.Value(record.Port);
            line.Bytes("||"u8);
        }
        else if (record.Service is not null)
        {
            line.Bytes("outbound|"u8);
            line.Value(record.Port);
            line.Bytes("|"u8);
            line.Token(record.Subset ?? "");
            line.Bytes("|"u8);
            line.Token(record.Service.Hostname);
        }
        else
        {
            line.Bytes(record.Path switch
            {
                ConnectionPath.Passthrough => "PassthroughCluster"u8,
                ConnectionPath.Blocked => "BlackHoleCluster"u8,
                _ => "-"u8,
            });
        }
    }

    private static void ServiceTime(LogLine line, long milliseconds)
    {
        if (milliseconds < 0)
        {
            line.Bytes("-"u8);
        }
        else
        {
            line.Value(milliseconds);
        }
    }

    private static void Address(LogLine line, IPEndPoint? address)
    {
        if (address is null)
        {
            line.Bytes("-"u8);
        }
        else
        {
            line.Value(address);
        }
    }

    private static void AddressField(LogLine line, ReadOnlySpan<byte> name, IPEndPoint? address)
    {
        Open(line, name);
        Address(line, address);
        Close(line);
    }

    private static void Token(LogLine line, string? text)
    {
        line.Bytes(" "u8);
        line.Token(string.IsNullOrEmpty(text) ? "-" : text);
    }

    private static void Quoted(LogLine line, ReadOnlySpan<byte> text)
    {
        line.Bytes(" \""u8);
        Value(line, text);
        line.Bytes("\""u8);
    }

    private static void Text(LogLine line, ReadOnlySpan<byte> name, string? value)
    {
        Open(line, name);
        Value(line, value);
        Close(line);
    }

    private static void Text(LogLine line, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        Open(line, name);
        Value(line, value);
        Close(line);
    }

    private static void Value(LogLine line, ReadOnlySpan<byte> text) => line.Value(text.IsEmpty ? "-"u8 : text);

    private static void Value(LogLine line, string? text) => line.Value(string.IsNullOrEmpty(text) ? "-" : text);

    private static void Open(LogLine line, ReadOnlySpan<byte> name)
    {
        line.Field(name);
        line.Bytes("\""u8);
    }

    private static void Close(LogLine line) => line.Bytes("\""u8);
}
