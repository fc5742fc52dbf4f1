using System.Text.Json.Serialization;

namespace Mesh.Node.Capture;

/// <summary>Which of the kernel's rule interfaces carries the rules.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<CaptureBackend>))]
public enum CaptureBackend
{
    /// <summary>
    /// The first that works on this node, in the order of <see cref="Nft"/>, <see cref="IptablesNft"/>, <see cref="IptablesLegacy"/>.
    /// </summary>
    [JsonStringEnumMemberName("auto")]
    Auto,

    /// <summary>The iptables commands over nf_tables.</summary>
    [JsonStringEnumMemberName("iptables-nft")]
    IptablesNft,

    /// <summary>The iptables commands over the older x_tables.</summary>
    [JsonStringEnumMemberName("iptables-legacy")]
    IptablesLegacy,

    /// <summary>The nft command: one table of our own, replaced in one transaction.</summary>
    [JsonStringEnumMemberName("nft")]
    Nft,
}
