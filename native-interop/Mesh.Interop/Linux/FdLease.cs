using System.Runtime.InteropServices;

namespace Mesh.Interop.Linux;

/// <summary>
/// Holds a descriptor open while its number is used in raw calls. Without it, a close on another thread between reading the number
/// and the call lets the kernel give the number to a stranger, and the call reads or writes the stranger's connection.
/// </summary>
internal readonly ref struct FdLease
{
    private readonly SafeHandle _owner;

    /// <exception cref="ObjectDisposedException">The handle is already closed.</exception>
    public FdLease(SafeHandle owner)
    {
        bool held = false;
        owner.DangerousAddRef(ref held);
        _owner = owner;
#pragma warning disable RS0030 // This is the one place that may: the reference above holds the handle open.
        Number = (int)owner.DangerousGetHandle();
#pragma warning restore RS0030
    }

    public int Number { get; }

    public void Dispose() => _owner.DangerousRelease();
}
