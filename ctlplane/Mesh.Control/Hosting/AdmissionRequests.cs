using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using Mesh.Control.Cluster;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Hosting;

/// <summary>
/// Answers the requests of the port that validates, a few at once: a review is held as a tree that is several times its text, and whoever
/// reaches the port can send one. Any thread.
/// </summary>
/// <param name="complete">Adds to what is wrong with an object by itself what is wrong between it and others.</param>
internal sealed class AdmissionRequests(Func<RawObject, ImmutableArray<Diagnostic>, ImmutableArray<Diagnostic>> complete)
{
    // Whoever is beyond them gets 503, upon which the API server lets the object pass.
    private const int ReviewsAtOnceMax = 4;

    private static readonly JsonDocumentOptions s_strict = new() { AllowDuplicateProperties = false };

    private int _reviewCount;

    /// <summary>
    /// Answers 200 with a review, 400 with what is wrong with the request, 503 while too many others are under way, and what the server
    /// says of a body that is too long (413) or too slow (408).
    /// </summary>
    public async Task AnswerAsync(HttpContext context)
    {
        (int status, string contentType, string text) = await ReviewAsync(context);
        context.Response.StatusCode = status;
        context.Response.ContentType = contentType;
        await context.Response.WriteAsync(text, context.RequestAborted);
    }

    private async Task<(int Status, string ContentType, string Text)> ReviewAsync(HttpContext context)
    {
        try
        {
            // From the first byte of the body on: it is held whole before it is judged.
            if (Interlocked.Increment(ref _reviewCount) > ReviewsAtOnceMax)
            {
                return (StatusCodes.Status503ServiceUnavailable, "text/plain", "Too many reviews are under way.");
            }

            JsonNode? review = await JsonNode.ParseAsync(
                context.Request.Body, documentOptions: s_strict, cancellationToken: context.RequestAborted);
            JsonObject answer = AdmissionReviews.Answer(
                review as JsonObject ?? throw new FormatException("An object is expected."), complete);
            return (StatusCodes.Status200OK, "application/json", answer.ToJsonString());
        }
        catch (BadHttpRequestException exception)
        {
            return (exception.StatusCode, "text/plain", exception.Message);
        }
        catch (Exception exception) when (exception is FormatException or JsonException)
        {
            return (StatusCodes.Status400BadRequest, "text/plain", exception.Message);
        }
        finally
        {
            Interlocked.Decrement(ref _reviewCount);
        }
    }
}
