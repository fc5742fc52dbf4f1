using System.Text.Json;
using Mesh.Node.Model.Policies;
using Mesh.Node.Model.Routing;
using Mesh.Node.Proxy.Telemetry.Requests;

namespace Mesh.Node.Proxy.Explain;

/// <summary>An explanation for programs.</summary>
internal static class ExplanationJson
{
    public static void Write(Utf8JsonWriter writer, Explanation explanation)
    {
        writer.WriteStartObject();
        writer.WriteString("source", explanation.Source.Uid);
        writer.WriteString("sourceIdentity", explanation.Source.Identity.ToString());
        writer.WriteString("path", explanation.Path);
        WriteText(writer, "service", explanation.Service?.Key);
        writer.WriteNumber("port", explanation.Question.Port);
        writer.WriteString("protocol", explanation.Protocol.ToString());
        WriteText(writer, "unread", explanation.Unread);
        WriteRoute(writer, explanation);
        if (explanation.Answer is ExplainedAnswer answer)
        {
            writer.WriteStartObject("answer");
            writer.WriteNumber("status", answer.Status);
            writer.WriteString("flags", ResponseFlagTexts.Of(answer.Flags));
            writer.WriteString("details", answer.Details);
            writer.WriteString("text", answer.Text);
            writer.WriteEndObject();
        }

        writer.WriteStartArray("destinations");
        foreach (ExplainedDestination destination in explanation.Destinations)
        {
            WriteDestination(writer, destination);
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static void WriteRoute(Utf8JsonWriter writer, Explanation explanation)
    {
        writer.WriteStartArray("passedRoutes");
        foreach (PassedRoute passed in explanation.Passed)
        {
            writer.WriteStartObject();
            writer.WriteString("name", passed.Name);
            WriteList(writer, "reasons", passed.Reasons);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        if (explanation.Route is not Route route)
        {
            return;
        }

        writer.WriteStartObject("route");
        writer.WriteString("name", route.Name);
        WriteList(writer, "conditions", explanation.Match is RouteMatch match ? RouteConditions.Of(match) : []);
        writer.WriteEndObject();
    }

    private static void WriteDestination(Utf8JsonWriter writer, ExplainedDestination destination)
    {
        writer.WriteStartObject();
        WriteText(writer, "service", destination.ServiceKey);
        writer.WriteNumber("port", destination.Port);
        WriteText(writer, "subset", destination.Subset);
        writer.WriteNumber("share", destination.Share);
        writer.WriteString("status", destination.Status.ToString());
        writer.WriteStartObject("sent");
        writer.WriteString("method", destination.Sent.Method);
        writer.WriteString("authority", destination.Sent.Authority);
        writer.WriteString("path", destination.Sent.Path);
        WriteList(writer, "headers", destination.Sent.Headers);
        writer.WriteEndObject();
        writer.WriteStartArray("endpoints");
        foreach (ExplainedEndpoint endpoint in destination.Endpoints)
        {
            writer.WriteStartObject();
            writer.WriteString("workload", endpoint.Workload.Uid);
            WriteText(writer, "address", endpoint.Address?.ToString());
            writer.WriteBoolean("isEjected", endpoint.IsEjected);
            writer.WriteBoolean("isMutualTls", endpoint.IsMutualTls);
            if (endpoint.Decision is PolicyDecision decision)
            {
                writer.WriteString("outcome", decision.Outcome.ToString());
                WriteText(writer, "decidedBy", decision.DecidedBy.Policy is null ? null : decision.DecidedBy.ToString());
                writer.WriteString("why", ExplanationText.VerdictOf(in decision));
                WriteList(writer, "limits", endpoint.Limits.Select(ExplanationText.TextOf));
            }

            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static void WriteList(Utf8JsonWriter writer, string name, IEnumerable<string> values)
    {
        writer.WriteStartArray(name);
        foreach (string value in values)
        {
            writer.WriteStringValue(value);
        }

        writer.WriteEndArray();
    }

    private static void WriteText(Utf8JsonWriter writer, string name, string? value)
    {
        if (!string.IsNullOrEmpty(value))
        {
            writer.WriteString(name, value);
        }
    }
}
