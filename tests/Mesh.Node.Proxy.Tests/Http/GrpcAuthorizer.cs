using System.Buffers.Binary;
using Google.Protobuf;
using Mesh.Api.Authorization;
using Microsoft.AspNetCore.Http;

namespace Mesh.Node.Proxy.Tests.Http;

/// <summary>Answers <c>envoy.service.auth.v3.Authorization/Check</c> on a server that knows HTTP/2 and nothing of gRPC.</summary>
internal static class GrpcAuthorizer
{
    /// <summary>Reads a question, and writes what is answered to it.</summary>
    public static async Task AnswerAsync(HttpContext context, Func<CheckRequest, CheckResponse> decide)
    {
        if (context.Request.Path != "/envoy.service.auth.v3.Authorization/Check" || context.Request.ContentType != "application/grpc")
        {
            context.Response.StatusCode = 404;
            return;
        }

        using var content = new MemoryStream();
        await context.Request.Body.CopyToAsync(content);
        byte[] framed = content.ToArray();
        CheckResponse answer = decide(CheckRequest.Parser.ParseFrom(framed.AsSpan(5, BinaryPrimitives.ReadInt32BigEndian(framed.AsSpan(1)))));
        byte[] message = answer.ToByteArray();
        byte[] prefix = new byte[5];
        BinaryPrimitives.WriteInt32BigEndian(prefix.AsSpan(1), message.Length);
        context.Response.ContentType = "application/grpc";
        await context.Response.Body.WriteAsync(prefix);
        await context.Response.Body.WriteAsync(message);
        context.Response.AppendTrailer("grpc-status", "0");
    }
}
