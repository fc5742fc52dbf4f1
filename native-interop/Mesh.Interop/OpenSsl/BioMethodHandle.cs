using Microsoft.Win32.SafeHandles;

namespace Mesh.Interop.OpenSsl;

/// <summary>A BIO_METHOD: the table of functions behind a kind of BIO. It must outlive every BIO made of it.</summary>
internal sealed class BioMethodHandle : SafeHandleZeroOrMinusOneIsInvalid
{
    // Public and parameterless because the LibraryImport generator creates the handle before the call.
    public BioMethodHandle()
        : base(ownsHandle: true)
    {
    }

    protected override bool ReleaseHandle()
    {
        LibCrypto.BIO_meth_free(handle);
        return true;
    }
}
