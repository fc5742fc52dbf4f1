using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using Mesh.Control.Analysis;
using Mesh.Control.Dialects;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;
using Mesh.Control.Sources.Kubernetes;

namespace Mesh.Control.Cluster;

/// <summary>
/// Answers whether an object may be written as it is: what would be refused once it is there is refused before, in the same words. What is
/// wrong between it and others is a warning, however bad: objects that belong together come in any order. A change that leaves the spec as
/// it was passes, so that one that is broken already can be labelled and deleted.
/// </summary>
internal static class AdmissionReviews
{
    private const int MessageCharsMax = 2_048;
    private const int WarningsMax = 8;
    private const int WarningCharsMax = 240;

    /// <param name="review">An AdmissionReview of admission.k8s.io/v1, with a request.</param>
    /// <param name="complete">Adds to what is wrong with an object by itself what is wrong between it and others.</param>
    /// <returns>One with a response.</returns>
    /// <exception cref="FormatException">It is no such review.</exception>
    public static JsonObject Answer(
        JsonObject review, Func<RawObject, ImmutableArray<Diagnostic>, ImmutableArray<Diagnostic>> complete)
    {
        try
        {
            if (review["apiVersion"]?.GetValue<string>() != "admission.k8s.io/v1"
                || review["request"] is not JsonObject request
                || request["uid"]?.GetValue<string>() is not { } uid)
            {
                throw new FormatException("An AdmissionReview of admission.k8s.io/v1 with a request is expected.");
            }

            ImmutableArray<Diagnostic> said = Validate(request, complete);
            return new JsonObject
            {
                ["apiVersion"] = "admission.k8s.io/v1",
                ["kind"] = "AdmissionReview",
                ["response"] = ResponseOf(uid, said),
            };
        }
        catch (InvalidOperationException exception)
        {
            throw new FormatException("A field of the AdmissionReview is of another type.", exception);
        }
    }

    private static ImmutableArray<Diagnostic> Validate(
        JsonObject request, Func<RawObject, ImmutableArray<Diagnostic>, ImmutableArray<Diagnostic>> complete)
    {
        string group = request["resource"]?["group"]?.GetValue<string>() ?? string.Empty;
        string plural = request["resource"]?["resource"]?.GetValue<string>() ?? string.Empty;
        string version = request["resource"]?["version"]?.GetValue<string>() ?? string.Empty;
        WatchedKind? kind = WatchedKinds.All.FirstOrDefault(kind => kind.Group == group && kind.Plural == plural);
        if (kind is null || request["object"] is not JsonObject written || request["subResource"]?.GetValue<string>() is { Length: > 0 })
        {
            return [];
        }

        if (request["oldObject"] is JsonObject old && JsonNode.DeepEquals(old["spec"], written["spec"]))
        {
            return [];
        }

        // One that is being created has neither of these yet; both are looked for when it is read.
        var named = (JsonObject)written.DeepClone();
        if (named["metadata"] is not JsonObject metadata)
        {
            named["metadata"] = metadata = new JsonObject();
        }

        metadata["resourceVersion"] = "0";
        metadata["name"] ??= $"{metadata["generateName"]?.GetValue<string>()}new";
        if (request["namespace"]?.GetValue<string>() is { Length: > 0 } @namespace)
        {
            metadata["namespace"] = @namespace;
        }

        (RawObject source, Diagnostic? problem) = SingleObjects.Read(kind, version, JsonSerializer.SerializeToUtf8Bytes(named));
        return problem is null ? complete(source, ObjectValidation.Validate(source)) : [DiagnosticCodes.Coded(problem)];
    }

    private static JsonObject ResponseOf(string uid, ImmutableArray<Diagnostic> said)
    {
        string[] errors = [.. said.Where(DiagnosticCodes.IsRefusal).Select(TextOf)];
        var response = new JsonObject { ["uid"] = uid, ["allowed"] = errors.Length == 0 };
        if (errors.Length > 0)
        {
            response["status"] = new JsonObject
            {
                ["code"] = 422,
                ["reason"] = "Invalid",
                ["message"] = Short(string.Join(' ', errors), MessageCharsMax),
            };
        }

        string[] warnings =
        [
            .. said.Where(diagnostic => diagnostic.Severity != DiagnosticSeverity.Note && !DiagnosticCodes.IsRefusal(diagnostic))
                .OrderByDescending(diagnostic => diagnostic.Severity)
                .Take(WarningsMax)
                .Select(diagnostic => Short(TextOf(diagnostic), WarningCharsMax)),
        ];
        if (warnings.Length > 0)
        {
            response["warnings"] = new JsonArray([.. warnings.Select(warning => JsonValue.Create(warning))]);
        }

        return response;
    }

    private static string TextOf(Diagnostic diagnostic) => string.Join(
        ' ',
        new[]
        {
            $"[{diagnostic.Code}]",
            diagnostic.Field.Length == 0 ? string.Empty : $"{diagnostic.Field}:",
            diagnostic.Reason,
            diagnostic.Hint,
        }.Where(part => part.Length > 0));

    private static string Short(string text, int charsMax) =>
        text.Length > charsMax ? string.Concat(text.AsSpan(0, charsMax - 1), "…") : text;
}
