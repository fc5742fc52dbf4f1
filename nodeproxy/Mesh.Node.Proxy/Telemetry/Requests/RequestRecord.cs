using System.Buffers;
using System.Net;
using Mesh.Api.Identity;
using Mesh.Node.Model.Policies;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Protocols.Http;

namespace Mesh.Node.Proxy.Telemetry.Requests;

/// <summary>What is known about one request, from its first byte to its log line. The engine fills it in as it learns.</summary>
/// <remarks>
/// One for each exchange that can be under way, used again and again: <see cref="RequestTelemetry.Began"/> clears it,
/// <see cref="RequestTelemetry.Completed"/> counts it and keeps nothing of it. Where a request goes is its own matter and not its
/// connection's: the parties are taken over from the connection, and changed when a route decides otherwise; what stands here at the end
/// is counted. Owned by: one loop.
/// </remarks>
public sealed class RequestRecord
{
    private readonly RequestTexts _texts = new();
    private bool _keepsTexts;

    /// <summary>The connection it came on; null before the first <see cref="RequestTelemetry.Began"/>.</summary>
    public ConnectionRecord? Connection { get; private set; }

    /// <summary>The way it takes. A request of an outbound connection may turn out to stay on this node, or to pass through.</summary>
    public ConnectionPath Path { get; set; }

    /// <summary>The client's workload; null when it is none.</summary>
    public Workload? Source { get; set; }

    /// <summary>Who the client is; null when unknown.</summary>
    public SpiffeId? SourceIdentity { get; set; }

    /// <summary>The workload of the endpoint it was sent to last; null when it was sent to none.</summary>
    public Workload? DestinationWorkload { get; set; }

    /// <summary>Who the server is; null when it has no identity.</summary>
    public SpiffeId? DestinationIdentity { get; set; }

    /// <summary>
    /// Whether it is a copy of a request, that its client knows nothing of: only the destination's side counts it.
    /// </summary>
    public bool IsMirror { get; set; }

    /// <summary>The service that was asked for; null when none was.</summary>
    public Service? Service { get; set; }

    /// <summary>Whether it crosses the network under mutual TLS.</summary>
    public bool IsMutualTls { get; set; }

    /// <summary>The port of the service, or of the workload where there is none; 0 when not known.</summary>
    public int Port { get; set; }

    /// <summary>The subset its destination names; null without.</summary>
    public string? Subset { get; set; }

    /// <summary>The name of its route, as configured; null without.</summary>
    public string? RouteName { get; set; }

    /// <summary>The endpoint it was sent to last; null when it was sent to none.</summary>
    public IPEndPoint? Upstream { get; set; }

    /// <summary>Our own end of the connection to it; null when there is none, or it is a tunnel's stream.</summary>
    public IPEndPoint? UpstreamLocal { get; set; }

    /// <summary>The loop's clock at its first byte.</summary>
    public long StartedMs { get; private set; }

    /// <summary>The loop's clock when it had arrived whole, content and trailers; -1 when it has not.</summary>
    public long ReceivedMs { get; set; }

    /// <summary>The loop's clock at the first byte of the upstream's response; -1 when there was none.</summary>
    public long FirstUpstreamByteMs { get; set; }

    /// <summary>The loop's clock when the response had been sent, or nothing more could be; -1 while it is under way.</summary>
    public long EndedMs { get; internal set; }

    /// <summary>When it ended; milliseconds since 1970. Only for its log line.</summary>
    public long EndedUnixMs { get; internal set; }

    /// <summary>The version it came in; null when it was refused before that could be told.</summary>
    public HttpProtocol? Protocol { get; private set; }

    /// <summary>Whether its content is gRPC's messages.</summary>
    public bool IsGrpc { get; private set; }

    /// <summary>The status of the response that the client was sent; 0 when it was sent none.</summary>
    public int ResponseCode { get; set; }

    /// <summary>The <c>grpc-status</c> the client was sent; -1 when none was.</summary>
    public int GrpcStatus { get; set; }

    /// <summary>What befell it. Flags are added and never taken back.</summary>
    public ResponseFlag Flags { get; set; }

    /// <summary>
    /// Who made the response and why: one of <see cref="ResponseDetails"/>, or a text that was made once with the configuration. Null when
    /// nothing was decided.
    /// </summary>
    public string? Details { get; set; }

    /// <summary>What policies in a dry run would have done with it; null where none decided.</summary>
    public DryRunResult? DryRun { get; set; }

    /// <summary>The policy and rule that would have.</summary>
    public PolicyRuleName DryRunDecidedBy { get; set; }

    /// <summary>Why its connection was ended, where that was because of the request; a text made once. Null otherwise.</summary>
    public string? ConnectionTerminationDetails { get; set; }

    /// <summary>Why no connection to the upstream came to be, in the words of TLS or the kernel; null when one did.</summary>
    public string? UpstreamFailure { get; set; }

    /// <summary>Bytes of the request's content, chunk framing and trailers apart.</summary>
    public long RequestBytes { get; set; }

    /// <summary>Bytes of the response's content as sent to the client, chunk framing and trailers apart.</summary>
    public long ResponseBytes { get; set; }

    /// <summary>gRPC messages from the client; 0 for other requests.</summary>
    public long RequestMessages { get; set; }

    /// <summary>gRPC messages to the client; 0 for other requests.</summary>
    public long ResponseMessages { get; set; }

    /// <summary>How often it was sent to an upstream, or tried to be.</summary>
    public int Attempts { get; set; }

    /// <summary>Milliseconds from its first byte to its end.</summary>
    internal long DurationMs => EndedMs - StartedMs;

    /// <summary>
    /// Milliseconds from its last byte, or its first where the upstream did not wait for that, to the response; -1 without one.
    /// </summary>
    internal long UpstreamServiceMs => FirstUpstreamByteMs < 0
        ? -1
        : FirstUpstreamByteMs - (ReceivedMs >= 0 && ReceivedMs <= FirstUpstreamByteMs ? ReceivedMs : StartedMs);

    /// <summary>
    /// Takes over what a request says of itself. Once its x-request-id and x-forwarded-for are as the upstream will see them, and before
    /// a route rewrites its path; a later call replaces an earlier one. Nothing of <paramref name="head"/> is kept.
    /// </summary>
    public void SetRequest(RequestHead head)
    {
        ArgumentNullException.ThrowIfNull(head);
        Protocol = head.Protocol;
        ReadOnlySpan<byte> userAgent = default;
        ReadOnlySpan<byte> requestId = default;
        ReadOnlySpan<byte> forwardedFor = default;
        ReadOnlySpan<byte> contentType = default;
        HeaderList fields = head.Fields;
        for (int index = 0; index < fields.Count; index++)
        {
            HeaderField field = fields[index];
            switch (field.Name.Length)
            {
                case 10 when field.Name.SequenceEqual("user-agent"u8):
                    userAgent = field.Value;
                    break;
                case 12 when field.Name.SequenceEqual("content-type"u8):
                    contentType = field.Value;
                    break;
                case 12 when field.Name.SequenceEqual("x-request-id"u8):
                    requestId = field.Value;
                    break;
                case 15 when field.Name.SequenceEqual("x-forwarded-for"u8):
                    forwardedFor = field.Value;
                    break;
            }
        }

        IsGrpc = GrpcText.IsContentType(contentType);
        _texts.Clear();
        if (_keepsTexts)
        {
            _texts.Add(head.Method);
            AddPath(head.Path);
            _texts.Add(head.Authority);
            _texts.Add(userAgent);
            _texts.Add(requestId);
            _texts.Add(forwardedFor);
        }
    }

    private void AddPath(ReadOnlySpan<byte> path)
    {
        if (!TokenMask.IsNeeded(path))
        {
            _texts.Add(path);
            return;
        }

        byte[] rented = ArrayPool<byte>.Shared.Rent(path.Length);
        _texts.Add(rented.AsSpan(0, TokenMask.Write(path, rented)));
        ArrayPool<byte>.Shared.Return(rented);
    }

    /// <summary>Reads a field <c>grpc-status</c>. What is no code of gRPC is UNKNOWN, as gRPC's own clients read it.</summary>
    public void SetGrpcStatus(ReadOnlySpan<byte> text) => GrpcStatus = GrpcText.StatusOf(text);

    /// <summary>What the request said of itself, cut to its bound; empty when it said nothing, or no line is wanted of it.</summary>
    public ReadOnlySpan<byte> Text(RequestText text) => _texts[text];

    /// <summary>Makes room for the texts of most requests.</summary>
    internal void ReserveTexts() => _texts.Reserve();

    /// <summary>Forgets the request before, and takes over the parties of a connection.</summary>
    internal void Begin(ConnectionRecord connection, long nowMs, bool keepsTexts)
    {
        _keepsTexts = keepsTexts;
        _texts.Clear();
        Connection = connection;
        Path = connection.Path;
        Source = connection.Source;
        SourceIdentity = connection.SourceIdentity;
        DestinationWorkload = connection.DestinationWorkload;
        DestinationIdentity = connection.DestinationIdentity;
        Service = connection.Service;
        IsMirror = false;
        IsMutualTls = connection.IsMutualTls;
        Port = 0;
        Subset = null;
        RouteName = null;
        Upstream = null;
        UpstreamLocal = null;
        StartedMs = nowMs;
        ReceivedMs = -1;
        FirstUpstreamByteMs = -1;
        EndedMs = -1;
        EndedUnixMs = 0;
        Protocol = null;
        IsGrpc = false;
        ResponseCode = 0;
        GrpcStatus = -1;
        Flags = ResponseFlag.None;
        Details = null;
        DryRun = null;
        DryRunDecidedBy = default;
        ConnectionTerminationDetails = null;
        UpstreamFailure = null;
        RequestBytes = 0;
        ResponseBytes = 0;
        RequestMessages = 0;
        ResponseMessages = 0;
        Attempts = 0;
    }

    /// <summary>Takes over another record, so that it can be logged while that one serves the next request.</summary>
    internal void CopyFrom(RequestRecord other)
    {
        _texts.CopyFrom(other._texts);
        Connection = other.Connection;
        Path = other.Path;
        SourceIdentity = other.SourceIdentity;
        DestinationIdentity = other.DestinationIdentity;
        Service = other.Service;
        Port = other.Port;
        Subset = other.Subset;
        RouteName = other.RouteName;
        Upstream = other.Upstream;
        UpstreamLocal = other.UpstreamLocal;
        StartedMs = other.StartedMs;
        ReceivedMs = other.ReceivedMs;
        FirstUpstreamByteMs = other.FirstUpstreamByteMs;
        EndedMs = other.EndedMs;
        EndedUnixMs = other.EndedUnixMs;
        Protocol = other.Protocol;
        ResponseCode = other.ResponseCode;
        Flags = other.Flags;
        Details = other.Details;
        DryRun = other.DryRun;
        DryRunDecidedBy = other.DryRunDecidedBy;
        ConnectionTerminationDetails = other.ConnectionTerminationDetails;
        UpstreamFailure = other.UpstreamFailure;
        RequestBytes = other.RequestBytes;
        ResponseBytes = other.ResponseBytes;
    }

    /// <summary>Lets go of what it refers to, so that it keeps no connection or endpoint alive while it waits for its next use.</summary>
    internal void Release()
    {
        Connection = null;
        SourceIdentity = null;
        DestinationIdentity = null;
        Service = null;
        Subset = null;
        RouteName = null;
        Upstream = null;
        UpstreamLocal = null;
        Details = null;
        DryRunDecidedBy = default;
        ConnectionTerminationDetails = null;
        UpstreamFailure = null;
    }
}
