using Microsoft.Win32.SafeHandles;

namespace Mesh.Interop.OpenSsl;

/// <summary>A reference to an X509_CRL that is ours to release.</summary>
internal sealed class X509RevocationListHandle : SafeHandleZeroOrMinusOneIsInvalid
{
    // Public and parameterless because the LibraryImport generator creates the handle before the call.
    public X509RevocationListHandle()
        : base(ownsHandle: true)
    {
    }

    protected override bool ReleaseHandle()
    {
        LibCrypto.X509_CRL_free(handle);
        return true;
    }
}
