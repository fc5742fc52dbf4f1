using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace Mesh.Testing.Kubernetes;

/// <summary>One object: read, created, replaced, deleted, and whose a token is.</summary>
public sealed partial class ApiServer
{
    private async Task AnswerOneAsync(HttpContext context, ApiObjects objects, ApiPath path)
    {
        ApiAnswer answer;
        switch (context.Request.Method)
        {
            case "GET":
                answer = objects.Get(path);
                break;
            case "POST" when path.Name.Length == 0:
                answer = objects.Create(path, await ReadAsync(context));
                break;
            case "PUT":
                answer = objects.Replace(path, await ReadAsync(context));
                break;
            case "PATCH":
                answer = context.Request.ContentType switch
                {
                    "application/merge-patch+json" => objects.Merge(path, await ReadAsync(context), isStrategic: false),
                    "application/strategic-merge-patch+json" => objects.Merge(path, await ReadAsync(context), isStrategic: true),
                    "application/apply-patch+yaml" => objects.Apply(path, await ReadAsync(context)),
                    _ => ApiAnswer.Failure(415, "UnsupportedMediaType", $"{context.Request.ContentType} is not understood here."),
                };
                break;
            case "DELETE":
                answer = objects.Remove(path);
                break;
            default:
                answer = ApiAnswer.Failure(405, "MethodNotAllowed", $"{context.Request.Method} is not allowed here.");
                break;
        }

        if (answer.Object is null)
        {
            await FailAsync(context, answer.Code, answer.Reason, answer.Message);
            return;
        }

        context.Response.StatusCode = answer.Code;
        await WriteAsync(context, answer.Object);
    }

    /// <summary>As authentication.k8s.io/v1 answers.</summary>
    private async Task ReviewAsync(HttpContext context)
    {
        JsonObject review = await ReadAsync(context);
        string token = review["spec"]!["token"]!.GetValue<string>();
        string[] audiences = [.. review["spec"]!["audiences"]?.AsArray().Select(audience => audience!.GetValue<string>()) ?? []];
        bool isGood = Tokens.TryGetValue(token, out ApiToken? known) && audiences.Contains(known.Audience);
        var extra = new JsonObject();
        if (known is not null)
        {
            extra["authentication.kubernetes.io/pod-name"] = new JsonArray(known.Pod);
            extra["authentication.kubernetes.io/pod-uid"] = new JsonArray(known.PodUid);
            if (known.Node.Length > 0)
            {
                extra["authentication.kubernetes.io/node-name"] = new JsonArray(known.Node);
            }
        }

        review["status"] = isGood
            ? new JsonObject
            {
                ["authenticated"] = true,
                ["audiences"] = new JsonArray(known!.Audience),
                ["user"] = new JsonObject { ["username"] = known.User, ["uid"] = "an-account", ["extra"] = extra },
            }
            : new JsonObject { ["user"] = new JsonObject(), ["error"] = "[invalid bearer token, token lookup failed]" };
        context.Response.StatusCode = 201;
        await WriteAsync(context, review);
    }

    private static async Task<JsonObject> ReadAsync(HttpContext context) =>
        (await JsonNode.ParseAsync(context.Request.Body, cancellationToken: context.RequestAborted))!.AsObject();
}

/// <summary>What is answered about one object: it, or why not.</summary>
public sealed record ApiAnswer(int Code, string Reason, string Message, JsonObject? Object)
{
    public static ApiAnswer Failure(int code, string reason, string message) => new(code, reason, message, Object: null);
}
