using Microsoft.Win32.SafeHandles;

namespace Mesh.Interop.OpenSsl;

/// <summary>A PKCS8_PRIV_KEY_INFO. Its release wipes the key bytes it holds.</summary>
internal sealed class Pkcs8Handle : SafeHandleZeroOrMinusOneIsInvalid
{
    // Public and parameterless because the LibraryImport generator creates the handle before the call.
    public Pkcs8Handle()
        : base(ownsHandle: true)
    {
    }

    protected override bool ReleaseHandle()
    {
        LibCrypto.PKCS8_PRIV_KEY_INFO_free(handle);
        return true;
    }
}
