using System.Text.Json.Serialization;

namespace Mesh.Cni.Contract;

/// <summary>What the runtime asks for that the agent has to do with.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<CniCommand>))]
public enum CniCommand
{
    /// <summary>A pod's network is made, and nothing runs in it yet.</summary>
    [JsonStringEnumMemberName("ADD")]
    Add,

    /// <summary>A pod's network is about to be taken down.</summary>
    [JsonStringEnumMemberName("DEL")]
    Delete,

    /// <summary>Is a pod's network as it was left?</summary>
    [JsonStringEnumMemberName("CHECK")]
    Check,

    /// <summary>All attachments that are still valid are named; what is held of others goes.</summary>
    [JsonStringEnumMemberName("GC")]
    CollectGarbage,

    /// <summary>Could a pod be added now?</summary>
    [JsonStringEnumMemberName("STATUS")]
    Status,
}
