using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Mesh.Interop.OpenSsl;

/// <summary>
/// An SSL together with the weak reference by which its callbacks find their session, because neither may outlive the other.
/// Releasing it also frees its BIO.
/// </summary>
internal sealed class SslHandle : SafeHandleZeroOrMinusOneIsInvalid
{
    /// <summary>The ex_data index callbacks look in; 0 is the one OpenSSL sets aside for applications.</summary>
    internal const int SessionSlot = 0;

    private WeakGCHandle<TlsSession> _session;

    // Public and parameterless because the LibraryImport generator creates the handle before the call.
    public SslHandle()
        : base(ownsHandle: true)
    {
    }

    /// <summary>Makes <paramref name="session"/> what callbacks find. Called once, before anything can call back.</summary>
    /// <returns>The value to hand to OpenSSL as callback data.</returns>
    internal nint Attach(TlsSession session)
    {
        // Weak, so that a session somebody forgot to dispose can still be collected and then releases its native memory.
        _session = new WeakGCHandle<TlsSession>(session);
        return WeakGCHandle<TlsSession>.ToIntPtr(_session);
    }

    /// <summary>The session behind callback data, or <see langword="null"/> when it has already been collected.</summary>
    internal static TlsSession? Find(nint callbackData) =>
        callbackData != 0 && WeakGCHandle<TlsSession>.FromIntPtr(callbackData).TryGetTarget(out TlsSession? session) ? session : null;

    protected override bool ReleaseHandle()
    {
        LibSsl.SSL_free(handle);
        if (_session.IsAllocated)
        {
            _session.Dispose();
        }

        return true;
    }
}
