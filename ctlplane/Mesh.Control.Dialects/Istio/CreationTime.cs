using System.Globalization;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Dialects.Istio;

/// <summary>When an object was made, which decides between policies of which only one may hold. Files seldom say.</summary>
internal static class CreationTime
{
    public static DateTimeOffset? Read(FieldReader root)
    {
        FieldReader? metadata = root.Section("metadata");
        if (metadata?.Text("creationTimestamp") is not { } text)
        {
            return null;
        }

        if (DateTimeOffset.TryParseExact(
            text, "yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset time))
        {
            return time;
        }

        metadata.Warning("creationTimestamp", $"'{text}' is not a time such as 2026-01-31T12:00:00Z; the object counts as the youngest.");
        return null;
    }
}
