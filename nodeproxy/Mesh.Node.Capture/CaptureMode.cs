using System.Text.Json.Serialization;

namespace Mesh.Node.Capture;

/// <summary>How the rules in a pod's namespace deliver its connections to the proxy.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<CaptureMode>))]
public enum CaptureMode
{
    /// <summary>TPROXY: the accepted socket's local address is the original destination. No address is translated.</summary>
    [JsonStringEnumMemberName("tproxy")]
    Tproxy,

    /// <summary>NAT REDIRECT: the original destination is asked of the kernel (SO_ORIGINAL_DST).</summary>
    [JsonStringEnumMemberName("redirect")]
    Redirect,
}
