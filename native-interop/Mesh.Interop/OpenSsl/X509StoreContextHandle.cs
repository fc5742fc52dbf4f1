using Microsoft.Win32.SafeHandles;

namespace Mesh.Interop.OpenSsl;

/// <summary>An X509_STORE_CTX: one verification of one certificate.</summary>
internal sealed class X509StoreContextHandle : SafeHandleZeroOrMinusOneIsInvalid
{
    // Public and parameterless because the LibraryImport generator creates the handle before the call.
    public X509StoreContextHandle()
        : base(ownsHandle: true)
    {
    }

    /// <summary>For the calls that OpenSSL itself makes with a bare pointer. Valid while the caller holds a reference.</summary>
    internal nint RawContext => handle;

    protected override bool ReleaseHandle()
    {
        LibCrypto.X509_STORE_CTX_free(handle);
        return true;
    }
}
