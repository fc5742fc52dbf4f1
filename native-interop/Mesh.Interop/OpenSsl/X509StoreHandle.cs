using Microsoft.Win32.SafeHandles;

namespace Mesh.Interop.OpenSsl;

/// <summary>An X509_STORE: trust anchors and revocation lists. Contexts that use it hold a reference of their own.</summary>
internal sealed class X509StoreHandle : SafeHandleZeroOrMinusOneIsInvalid
{
    // Public and parameterless because the LibraryImport generator creates the handle before the call.
    public X509StoreHandle()
        : base(ownsHandle: true)
    {
    }

    protected override bool ReleaseHandle()
    {
        LibCrypto.X509_STORE_free(handle);
        return true;
    }
}
