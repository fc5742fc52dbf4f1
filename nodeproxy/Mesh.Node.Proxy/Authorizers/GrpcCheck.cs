using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Mesh.Api.Authorization;
using Mesh.Api.Identity;
using Mesh.Node.Model.Policies;
using Mesh.Node.Model.Policies.Authorizers;
using Mesh.Node.Protocols.Http;

namespace Mesh.Node.Proxy.Authorizers;

/// <summary>Asks an authorizer over gRPC: <c>envoy.service.auth.v3.Authorization/Check</c>.</summary>
internal static class GrpcCheck
{
    /// <summary>Stands before a message: whether it is compressed, and its length (gRPC over HTTP/2, "Length-Prefixed-Message").</summary>
    private const int PrefixBytes = 5;

    /// <summary>The longest timeout gRPC can say in milliseconds: eight digits.</summary>
    private const long TimeoutMsMax = 99_999_999;

    /// <summary>Writes the question's head.</summary>
    /// <param name="authorizer">Who is asked.</param>
    /// <param name="hostname">The authorizer's.</param>
    /// <param name="messageBytes">The length of the content, prefix included.</param>
    /// <param name="question">Replaced.</param>
    public static void WriteHead(Authorizer authorizer, string hostname, int messageBytes, RequestHead question)
    {
        question.Clear();
        question.Protocol = HttpProtocol.Http2;
        question.Method = "POST"u8;
        question.Scheme = "http"u8;
        question.Authority = Encoding.ASCII.GetBytes(hostname);
        question.Path = "/envoy.service.auth.v3.Authorization/Check"u8;
        question.IsPersistent = true;
        question.AcceptsTrailers = true;
        question.Body = BodyFraming.OfLength(messageBytes);
        question.Fields.Add("content-type"u8, "application/grpc"u8);
        long timeoutMs = Math.Min((long)authorizer.Timeout.TotalMilliseconds, TimeoutMsMax);
        question.Fields.Add("grpc-timeout"u8, Encoding.ASCII.GetBytes(timeoutMs.ToString(CultureInfo.InvariantCulture) + "m"));
    }

    /// <summary>Makes the message, with its prefix.</summary>
    /// <param name="facts">The connection the request came on.</param>
    /// <param name="destination">Who is asked for; null when unknown.</param>
    /// <param name="request">What the authorizer is asked about, as the application would read it.</param>
    /// <param name="body">How its content is delimited.</param>
    /// <param name="content">The content it is told; empty for none.</param>
    /// <param name="settings">How it is told; null for not at all.</param>
    /// <param name="isPartial">There is more content than it is told.</param>
    /// <param name="now">When it is asked.</param>
    public static byte[] WriteMessage(
        in ConnectionFacts facts,
        SpiffeId? destination,
        RequestHead request,
        BodyFraming body,
        ReadOnlyMemory<byte> content,
        CheckedContent? settings,
        bool isPartial,
        DateTimeOffset now)
    {
        var http = new AttributeContext.Types.HttpRequest
        {
            Id = TextOf(request.Fields.TryGet("x-request-id"u8, out ReadOnlySpan<byte> id) ? id : default),
            Method = TextOf(request.Method),
            Path = TextOf(request.Path),
            Host = TextOf(request.Authority),
            Scheme = TextOf(request.Scheme),
            Size = body.HasContent ? body.ContentBytes : 0,
            Protocol = request.Protocol switch
            {
                HttpProtocol.Http2 => "HTTP/2",
                HttpProtocol.Http10 => "HTTP/1.0",
                _ => "HTTP/1.1",
            },
        };
        AddFields(http, request, settings is null ? null : isPartial);
        if (settings is { IsRaw: true })
        {
            http.RawBody = ByteString.CopyFrom(content.Span);
        }
        else if (settings is not null)
        {
            http.Body = TextOf(content.Span);
        }

        var message = new CheckRequest
        {
            Attributes = new AttributeContext
            {
                Source = PeerOf(facts.Source.ToString(), 0, facts.Peer),
                Destination = PeerOf(facts.Destination.ToString(), facts.DestinationPort, destination),
                Request = new AttributeContext.Types.Request { Time = Timestamp.FromDateTimeOffset(now), Http = http },
            },
        };
        int bytes = message.CalculateSize();
        byte[] written = new byte[PrefixBytes + bytes];
        BinaryPrimitives.WriteInt32BigEndian(written.AsSpan(1), bytes);
        message.WriteTo(written.AsSpan(PrefixBytes));
        return written;
    }

    /// <summary>Reads the message of an answer.</summary>
    /// <returns>Null when it is none, or asks for what is not done here.</returns>
    public static CheckResponse? TryRead(ReadOnlySpan<byte> content)
    {
        if (content.Length < PrefixBytes || content[0] != 0
            || BinaryPrimitives.ReadUInt32BigEndian(content[1..]) != content.Length - PrefixBytes)
        {
            return null;
        }

        try
        {
            CheckResponse answer = CheckResponse.Parser.ParseFrom(content[PrefixBytes..]);
            return answer.OkResponse is { } allowed
                && (allowed.QueryParametersToSet.Count > 0 || allowed.QueryParametersToRemove.Count > 0)
                ? null
                : answer;
        }
        catch (InvalidProtocolBufferException)
        {
            return null;
        }
    }

    private static void AddFields(AttributeContext.Types.HttpRequest http, RequestHead request, bool? isPartial)
    {
        http.Headers[":method"] = http.Method;
        http.Headers[":path"] = http.Path;
        http.Headers[":authority"] = http.Host;
        http.Headers[":scheme"] = http.Scheme;
        for (int i = 0; i < request.Fields.Count; i++)
        {
            HeaderField field = request.Fields[i];
            string name = TextOf(field.Name);
            string value = TextOf(field.Value);
            http.Headers[name] = http.Headers.TryGetValue(name, out string? before) ? $"{before},{value}" : value;
        }

        if (isPartial is bool said)
        {
            http.Headers["x-envoy-auth-partial-body"] = said ? "true" : "false";
        }
    }

    private static AttributeContext.Types.Peer PeerOf(string address, int port, SpiffeId? identity) => new()
    {
        Address = new Address { SocketAddress = new SocketAddress { Address = address, PortValue = (uint)port } },
        Principal = identity?.ToString() ?? "",
    };

    /// <summary>Text is UTF-8; what is none is replaced.</summary>
    private static string TextOf(ReadOnlySpan<byte> bytes) => Encoding.UTF8.GetString(bytes);
}
