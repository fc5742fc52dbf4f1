using Microsoft.Win32.SafeHandles;

namespace Mesh.Interop.OpenSsl;

/// <summary>A reference to an EVP_PKEY that is ours to release.</summary>
internal sealed class PrivateKeyHandle : SafeHandleZeroOrMinusOneIsInvalid
{
    // Public and parameterless because the LibraryImport generator creates the handle before the call.
    public PrivateKeyHandle()
        : base(ownsHandle: true)
    {
    }

    protected override bool ReleaseHandle()
    {
        LibCrypto.EVP_PKEY_free(handle);
        return true;
    }
}
