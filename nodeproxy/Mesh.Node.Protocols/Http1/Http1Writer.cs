using System.Buffers;
using Mesh.Node.Protocols.Http;

namespace Mesh.Node.Protocols.Http1;

/// <summary>
/// Writes heads and trailers of HTTP/1.1. Framing and connection fields come from the properties of a head and from nowhere else, so no
/// two of them can contradict each other; what would end a line early is never written. Pure; allocates nothing.
/// </summary>
public static class Http1Writer
{
    // The version, the status, framing, connection, upgrade's name, te and expect, with the ends of their lines.
    private const int FixedBytesMax = 256;

    private const int FieldOverheadBytes = 4;

    /// <summary>The response that lets a client send its content (RFC 9110 §15.2.1).</summary>
    public static ReadOnlySpan<byte> Continue => "HTTP/1.1 100 Continue\r\n\r\n"u8;

    /// <summary>Writes a request to an upstream.</summary>
    /// <param name="head">Always written as HTTP/1.1, whatever it came in.</param>
    /// <param name="isPersistent">False to ask the server to close after its response.</param>
    /// <param name="output">Given all of the head or nothing.</param>
    /// <returns>False when the head cannot be said in HTTP/1.1: a path, an authority or a field with bytes that may not stand
    /// there.</returns>
    public static bool TryWriteRequest(RequestHead head, bool isPersistent, IBufferWriter<byte> output)
    {
        ArgumentNullException.ThrowIfNull(head);
        ArgumentNullException.ThrowIfNull(output);
        if (!IsRequestLineGood(head) || head.Body.Kind == BodyKind.UntilClose)
        {
            return false;
        }

        bool isConnect = head.IsConnect;
        int bytesMax = head.Method.Length + head.Path.Length + (2 * head.Authority.Length) + head.Upgrade.Length;
        var writer = new HeadSpanWriter(output.GetSpan(bytesMax + FieldsBytesMax(head.Fields) + FixedBytesMax));
        writer.Write(head.Method);
        writer.Write(" "u8);
        writer.Write(isConnect ? head.Authority : head.Path);
        writer.Write(" HTTP/1.1\r\n"u8);

        // RFC 9112 §3.2: first, and empty when the target has no authority.
        writer.WriteField("host"u8, head.Authority);
        writer.WriteFields(head.Fields);
        if (head.Body.Kind == BodyKind.Chunked)
        {
            writer.WriteChunked();
        }
        else if (head.Body.Kind == BodyKind.Length)
        {
            writer.WriteContentLength(head.Body.ContentBytes);
        }
        else if (head.Body == BodyFraming.OfLength(0) || (head.Body.Kind == BodyKind.None && IsContentExpected(head.Method)))
        {
            writer.WriteContentLength(0);
        }

        if (head.ExpectsContinue)
        {
            writer.Write("expect: 100-continue\r\n"u8);
        }

        if (head.AcceptsTrailers)
        {
            writer.Write("te: trailers\r\n"u8);
        }

        bool isUpgrade = !head.Upgrade.IsEmpty;
        if (isUpgrade)
        {
            writer.WriteField("upgrade"u8, head.Upgrade);
        }

        WriteConnection(ref writer, isPersistent ? default : "close"u8, isUpgrade, head.AcceptsTrailers);
        return Finish(ref writer, output);
    }

    /// <summary>Writes a response to a client, informational or final.</summary>
    /// <param name="head">Always written as HTTP/1.1 (RFC 9112 §2.3), with content delimited as <see cref="BodyFraming.For"/> says.</param>
    /// <param name="request">What it answers: its version and method decide how the end of content is told.</param>
    /// <param name="isPersistent">False to close the connection after the content.</param>
    /// <param name="output">
    /// Given all of the head or nothing. An informational response is nothing to an HTTP/1.0 client (RFC 9110 §15.2).
    /// </param>
    /// <returns>False when the head cannot be said in HTTP/1.1: no status, or a field with bytes that may not stand there.</returns>
    public static bool TryWriteResponse(ResponseHead head, RequestHead request, bool isPersistent, IBufferWriter<byte> output)
    {
        ArgumentNullException.ThrowIfNull(head);
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(output);
        if (head.Status is < 100 or > 999)
        {
            return false;
        }

        if (head.IsInformational && request.Protocol == HttpProtocol.Http10)
        {
            return true;
        }

        var writer = new HeadSpanWriter(output.GetSpan(head.Upgrade.Length + FieldsBytesMax(head.Fields) + FixedBytesMax));
        writer.Write("HTTP/1.1 "u8);
        writer.Write(head.Status);
        writer.Write(" "u8);
        writer.Write(StatusPhrases.Of(head.Status));
        writer.Write("\r\n"u8);
        writer.WriteFields(head.Fields);
        if (!head.IsInformational)
        {
            BodyFraming body = head.Body.For(request.Protocol);
            WriteFraming(ref writer, head.Status, body, request);
            bool isUpgrade = head.Status is 101 or 426 && !head.Upgrade.IsEmpty;
            if (isUpgrade)
            {
                writer.WriteField("upgrade"u8, head.Upgrade);
            }

            WriteConnection(ref writer, Persistence(request, body.Kind, isPersistent), isUpgrade, hasTe: false);
        }

        return Finish(ref writer, output);
    }

    /// <summary>Writes the last chunk and trailers. Those that mean nothing there are left out.</summary>
    /// <returns>False when a trailer has bytes that may not stand there; nothing is written then.</returns>
    public static bool TryWriteLastChunk(HeaderList trailers, IBufferWriter<byte> output)
    {
        ArgumentNullException.ThrowIfNull(trailers);
        ArgumentNullException.ThrowIfNull(output);
        var writer = new HeadSpanWriter(output.GetSpan(FieldsBytesMax(trailers) + FixedBytesMax));
        writer.Write("0\r\n"u8);
        for (int i = 0; i < trailers.Count; i++)
        {
            HeaderField field = trailers[i];
            if (!TrailerRules.IsForbidden(field.Name) && !TrailerRules.IsDropped(field.Name))
            {
                writer.WriteField(field.Name, field.Value);
            }
        }

        return Finish(ref writer, output);
    }

    /// <summary>Methods whose requests have content. That there is none must be said (RFC 9110 §8.6); HTTP/2 ends the stream.</summary>
    private static bool IsContentExpected(ReadOnlySpan<byte> method) =>
        method.SequenceEqual("POST"u8) || method.SequenceEqual("PUT"u8) || method.SequenceEqual("PATCH"u8);

    private static bool IsRequestLineGood(RequestHead head)
    {
        if (!FieldRules.IsToken(head.Method) || (!head.Authority.IsEmpty && !AuthorityRules.IsAuthority(head.Authority)))
        {
            return false;
        }

        if (head.IsConnect)
        {
            return AuthorityRules.IsAuthorityWithPort(head.Authority);
        }

        return TargetRules.IsPath(head.Path) || (head.Path.SequenceEqual("*"u8) && head.Method.SequenceEqual("OPTIONS"u8));
    }

    private static void WriteFraming(ref HeadSpanWriter writer, int status, BodyFraming body, RequestHead request)
    {
        if (status is < 200 or 204 || body.Kind == BodyKind.Tunnel)
        {
            // RFC 9110 §8.6, RFC 9112 §6.1: neither field may stand here.
            return;
        }

        if (request.IsHead || status == 304)
        {
            if (body.ContentBytes >= 0)
            {
                writer.WriteContentLength(body.ContentBytes);
            }
        }
        else if (body.Kind == BodyKind.Chunked)
        {
            writer.WriteChunked();
        }
        else if (body.Kind != BodyKind.UntilClose)
        {
            // No content must be said too, or the client would wait for the end of the connection.
            writer.WriteContentLength(body.Kind == BodyKind.None ? 0 : body.ContentBytes);
        }
    }

    private static ReadOnlySpan<byte> Persistence(RequestHead request, BodyKind body, bool isPersistent)
    {
        if (body == BodyKind.UntilClose || (!isPersistent && body != BodyKind.Tunnel))
        {
            return "close"u8;
        }

        return request.Protocol == HttpProtocol.Http10 && body != BodyKind.Tunnel ? "keep-alive"u8 : default;
    }

    private static void WriteConnection(ref HeadSpanWriter writer, scoped ReadOnlySpan<byte> persistence, bool isUpgrade, bool hasTe)
    {
        if (persistence.IsEmpty && !isUpgrade && !hasTe)
        {
            return;
        }

        writer.Write("connection: "u8);
        writer.Write(persistence);
        if (isUpgrade)
        {
            writer.Write(persistence.IsEmpty ? "upgrade"u8 : ", upgrade"u8);
        }

        if (hasTe)
        {
            writer.Write(persistence.IsEmpty && !isUpgrade ? "te"u8 : ", te"u8);
        }

        writer.Write("\r\n"u8);
    }

    private static int FieldsBytesMax(HeaderList fields) =>
        fields.ListBytes - (fields.Count * (HeaderList.FieldOverheadBytes - FieldOverheadBytes));

    private static bool Finish(ref HeadSpanWriter writer, IBufferWriter<byte> output)
    {
        writer.Write("\r\n"u8);
        if (writer.IsGood)
        {
            output.Advance(writer.Bytes);
        }

        return writer.IsGood;
    }
}
