using Microsoft.Win32.SafeHandles;
using Tmds.Linux;

namespace Mesh.Interop.Linux;

/// <summary>A descriptor that closes itself. The kinds below say what may be done with it.</summary>
public abstract class DescriptorHandle : SafeHandleMinusOneIsInvalid
{
    private protected DescriptorHandle(int descriptor)
        : base(ownsHandle: true) => SetHandle(descriptor);

    /// <summary>Closes the descriptor. Runs once, when the last <see cref="FdLease"/> has ended.</summary>
    /// <returns>False only when the descriptor was not ours any more (EBADF).</returns>
    protected sealed override bool ReleaseHandle()
    {
        // Linux frees the number even when close reports EINTR or EIO (close(2)): a second close would close a stranger's.
        SysResult closed = SysResult.From(LibC.close((int)handle));
        return closed.Error != Errno.EBADF;
    }
}
