namespace Mesh.Interop.OpenSsl;

/// <summary>A public key of Ed25519 (RFC 8032), which .NET has no class for. One thread at a time.</summary>
public sealed unsafe class Ed25519Key : IDisposable
{
    /// <summary>Length of a public key.</summary>
    public const int KeyBytes = 32;

    /// <summary>Length of a signature.</summary>
    public const int SignatureBytes = 64;

    private readonly PrivateKeyHandle _key;

    private Ed25519Key(PrivateKeyHandle key) => _key = key;

    /// <summary>Takes a public key.</summary>
    /// <param name="key">As RFC 8032 §5.1.5 encodes it: <see cref="KeyBytes"/> bytes.</param>
    /// <returns>Null when it is not of that length, or OpenSSL refuses it.</returns>
    public static Ed25519Key? TryCreate(ReadOnlySpan<byte> key)
    {
        if (key.Length != KeyBytes)
        {
            return null;
        }

        OpenSslLibrary.EnsureSupported();
        ErrorQueue.Clear();
        fixed (byte* bytes = key)
        {
            PrivateKeyHandle handle = LibCrypto.EVP_PKEY_new_raw_public_key(LibCrypto.EVP_PKEY_ED25519, 0, bytes, KeyBytes);
            if (!handle.IsInvalid)
            {
                return new Ed25519Key(handle);
            }

            handle.Dispose();
            ErrorQueue.Clear();
            return null;
        }
    }

    /// <summary>Whether the key's owner signed the data.</summary>
    /// <param name="data">What was signed.</param>
    /// <param name="signature">Of any length; only <see cref="SignatureBytes"/> can be right.</param>
    public bool Verify(ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature)
    {
        if (signature.Length != SignatureBytes)
        {
            return false;
        }

        ErrorQueue.Clear();
        nint context = LibCrypto.EVP_MD_CTX_new();
        if (context == 0)
        {
            throw new InsufficientMemoryException("OpenSSL has no memory for a digest.");
        }

        try
        {
            fixed (byte* dataBytes = data)
            fixed (byte* signatureBytes = signature)
            {
                bool isGood = LibCrypto.EVP_DigestVerifyInit(context, 0, 0, 0, _key) == 1
                    && LibCrypto.EVP_DigestVerify(context, signatureBytes, SignatureBytes, dataBytes, (nuint)data.Length) == 1;
                ErrorQueue.Clear();
                return isGood;
            }
        }
        finally
        {
            LibCrypto.EVP_MD_CTX_free(context);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _key.Dispose();
}
