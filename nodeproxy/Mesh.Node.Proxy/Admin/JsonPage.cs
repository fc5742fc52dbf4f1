using System.IO.Pipelines;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Mesh.Node.Proxy.Admin;

/// <summary>A JSON answer that is sent on as it is written: a snapshot of a large mesh is never in memory as text.</summary>
internal sealed class JsonPage
{
    /// <summary>Bytes after which what was written is sent on.</summary>
    private const int FlushBytes = 64 * 1024;

    private static readonly JsonWriterOptions s_options = new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly PipeWriter _output;
    private readonly CancellationToken _cancellation;

    private JsonPage(PipeWriter output, Utf8JsonWriter writer, CancellationToken cancellation)
    {
        _output = output;
        Writer = writer;
        _cancellation = cancellation;
    }

    /// <summary>Writes the JSON.</summary>
    public Utf8JsonWriter Writer { get; }

    /// <summary>Answers a request with one JSON value.</summary>
    public static async Task WriteAsync(HttpContext context, Func<JsonPage, Task> write)
    {
        context.Response.ContentType = "application/json; charset=utf-8";
        context.Response.Headers.XContentTypeOptions = "nosniff";
        await using Utf8JsonWriter writer = new(context.Response.BodyWriter, s_options);
        await write(new JsonPage(context.Response.BodyWriter, writer, context.RequestAborted));
        await writer.FlushAsync(context.RequestAborted);
        await context.Response.BodyWriter.FlushAsync(context.RequestAborted);
    }

    /// <summary>Between two elements: sends on what has gathered.</summary>
    public async ValueTask BreatheAsync()
    {
        if (Writer.BytesPending + _output.UnflushedBytes >= FlushBytes)
        {
            // To the pipe first, then to the client.
            await Writer.FlushAsync(_cancellation);
            await _output.FlushAsync(_cancellation);
        }
    }

    /// <summary>A property that is left out when it is empty.</summary>
    public void Optional(string name, string? value)
    {
        if (!string.IsNullOrEmpty(value))
        {
            Writer.WriteString(name, value);
        }
    }
}
