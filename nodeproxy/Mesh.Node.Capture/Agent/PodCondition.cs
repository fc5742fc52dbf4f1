using System.Text.Json.Serialization;

namespace Mesh.Node.Capture.Agent;

/// <summary>How far a pod is on its way into the mesh, or out of it.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<PodCondition>))]
public enum PodCondition
{
    /// <summary>Its rules are being written for the first time. Until they are, its traffic is not captured.</summary>
    [JsonStringEnumMemberName("enrolling")]
    Enrolling,

    /// <summary>Its rules are right, but no proxy serves it: its connections are refused.</summary>
    [JsonStringEnumMemberName("waiting-for-proxy")]
    WaitingForProxy,

    /// <summary>Its rules are right and a proxy serves it.</summary>
    [JsonStringEnumMemberName("captured")]
    Captured,

    /// <summary>
    /// Its rules are not what they must be and could not be repaired, or its namespace cannot be opened. The error says which.
    /// </summary>
    [JsonStringEnumMemberName("wrong")]
    Wrong,

    /// <summary>It is leaving: what was captured is being finished, then its rules go.</summary>
    [JsonStringEnumMemberName("leaving")]
    Leaving,
}
