using System.Runtime.InteropServices;

namespace Mesh.Node.Proxy.Telemetry.Logging;

/// <summary>A number that one thread writes and another reads, on cache lines of its own.</summary>
[StructLayout(LayoutKind.Explicit, Size = 256)]
internal struct PaddedIndex
{
    /// <summary>The number.</summary>
    [FieldOffset(128)]
    public long Value;
}
