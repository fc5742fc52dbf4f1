namespace Mesh.Interop.Linux;

/// <summary>A descriptor with no operations of its own: an eventfd, an end of a pipe, a namespace.</summary>
internal sealed class FileDescriptorHandle(int descriptor) : DescriptorHandle(descriptor);
