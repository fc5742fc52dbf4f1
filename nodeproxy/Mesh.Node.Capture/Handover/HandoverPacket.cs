using Microsoft.Win32.SafeHandles;

namespace Mesh.Node.Capture.Handover;

/// <summary>One message as it came.</summary>
/// <param name="Message">Its bytes.</param>
/// <param name="Descriptor">The descriptor beside it. Closed with this object.</param>
internal sealed record HandoverPacket(byte[] Message, SafeFileHandle? Descriptor) : IDisposable
{
    public void Dispose() => Descriptor?.Dispose();
}
