using System.Runtime.InteropServices;

namespace Mesh.Interop.OpenSsl;

/// <summary>
/// The part of libcrypto this engine uses, under its native names. Nothing here may be called before
/// <see cref="OpenSslLibrary.EnsureSupported"/>, which decides where the library comes from.
/// </summary>
/// <remarks>
/// <see cref="SuppressGCTransitionAttribute"/> stands only on field accessors that neither block nor call back; the saving is measured in
/// bench/Mesh.Bench.Micro/Tls.
/// </remarks>
internal static unsafe partial class LibCrypto
{
    internal const string Name = "libcrypto.so.3";

    internal const ulong OPENSSL_INIT_NO_ATEXIT = 0x0008_0000;

    internal const int OPENSSL_VERSION = 0;

    internal const int BIO_CTRL_EOF = 2;
    internal const int BIO_CTRL_FLUSH = 11;

    internal const int BIO_FLAGS_READ = 0x01;
    internal const int BIO_FLAGS_WRITE = 0x02;
    internal const int BIO_FLAGS_RWS = 0x07;
    internal const int BIO_FLAGS_SHOULD_RETRY = 0x08;

    internal const int BIO_TYPE_SOURCE_SINK = 0x0400;

    internal const int ERR_TXT_STRING = 0x02;

    internal const int GEN_URI = 6;

    internal const int NID_subject_alt_name = 85;

    internal const int EVP_PKEY_ED25519 = 1087;

    internal const uint KU_CRL_SIGN = 0x0002;
    internal const uint KU_KEY_CERT_SIGN = 0x0004;

    internal const int X509_V_OK = 0;
    internal const int X509_V_ERR_UNSPECIFIED = 1;
    internal const int X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT = 2;
    internal const int X509_V_ERR_UNABLE_TO_GET_CRL = 3;
    internal const int X509_V_ERR_CERT_NOT_YET_VALID = 9;
    internal const int X509_V_ERR_CERT_HAS_EXPIRED = 10;
    internal const int X509_V_ERR_CRL_NOT_YET_VALID = 11;
    internal const int X509_V_ERR_CRL_HAS_EXPIRED = 12;
    internal const int X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT = 18;
    internal const int X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN = 19;
    internal const int X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY = 20;
    internal const int X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE = 21;
    internal const int X509_V_ERR_CERT_REVOKED = 23;
    internal const int X509_V_ERR_CERT_UNTRUSTED = 27;
    internal const int X509_V_ERR_CERT_REJECTED = 28;
    internal const int X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER = 33;
    internal const int X509_V_ERR_DIFFERENT_CRL_SCOPE = 44;
    internal const int X509_V_ERR_APPLICATION_VERIFICATION = 50;

    internal const uint X509_V_FLAG_CRL_CHECK = 0x4;
    internal const uint X509_V_FLAG_CRL_CHECK_ALL = 0x8;
    internal const uint X509_V_FLAG_PARTIAL_CHAIN = 0x8_0000;

    [LibraryImport(Name)]
    internal static partial int OPENSSL_init_crypto(ulong options, nint settings);

    [LibraryImport(Name)]
    internal static partial nuint OpenSSL_version_num();

    [LibraryImport(Name)]
    internal static partial byte* OpenSSL_version(int type);

    [LibraryImport(Name)]
    [SuppressGCTransition]
    internal static partial nuint ERR_peek_error();

    [LibraryImport(Name)]
    internal static partial void ERR_clear_error();

    [LibraryImport(Name)]
    internal static partial nuint ERR_get_error_all(nint file, nint line, nint function, out byte* data, out int flags);

    [LibraryImport(Name)]
    internal static partial void ERR_error_string_n(nuint error, byte* buffer, nuint bufferBytes);

    [LibraryImport(Name)]
    internal static partial int BIO_get_new_index();

    [LibraryImport(Name, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial BioMethodHandle BIO_meth_new(int type, string name);

    [LibraryImport(Name)]
    internal static partial void BIO_meth_free(nint method);

    [LibraryImport(Name)]
    internal static partial int BIO_meth_set_read_ex(
        BioMethodHandle method, delegate* unmanaged[Cdecl]<nint, byte*, nuint, nuint*, int> read);

    [LibraryImport(Name)]
    internal static partial int BIO_meth_set_write_ex(
        BioMethodHandle method, delegate* unmanaged[Cdecl]<nint, byte*, nuint, nuint*, int> write);

    [LibraryImport(Name)]
    internal static partial int BIO_meth_set_ctrl(BioMethodHandle method, delegate* unmanaged[Cdecl]<nint, int, nint, nint, nint> control);

    [LibraryImport(Name)]
    internal static partial nint BIO_new(BioMethodHandle method);

    [LibraryImport(Name)]
    internal static partial void BIO_set_init(nint bio, int init);

    [LibraryImport(Name)]
    internal static partial void BIO_set_data(nint bio, nint data);

    [LibraryImport(Name)]
    [SuppressGCTransition]
    internal static partial nint BIO_get_data(nint bio);

    [LibraryImport(Name)]
    [SuppressGCTransition]
    internal static partial void BIO_set_flags(nint bio, int flags);

    [LibraryImport(Name)]
    [SuppressGCTransition]
    internal static partial void BIO_clear_flags(nint bio, int flags);

    [LibraryImport(Name)]
    internal static partial X509Handle d2i_X509(nint reuse, ref byte* input, nint inputBytes);

    [LibraryImport(Name)]
    internal static partial int i2d_X509(nint certificate, ref byte* output);

    [LibraryImport(Name)]
    internal static partial int i2d_X509(nint certificate, nint nothing);

    [LibraryImport(Name)]
    internal static partial void X509_free(nint certificate);

    [LibraryImport(Name)]
    internal static partial X509RevocationListHandle d2i_X509_CRL(nint reuse, ref byte* input, nint inputBytes);

    [LibraryImport(Name)]
    internal static partial void X509_CRL_free(nint list);

    [LibraryImport(Name)]
    internal static partial Pkcs8Handle d2i_PKCS8_PRIV_KEY_INFO(nint reuse, ref byte* input, nint inputBytes);

    [LibraryImport(Name)]
    internal static partial void PKCS8_PRIV_KEY_INFO_free(nint key);

    [LibraryImport(Name)]
    internal static partial PrivateKeyHandle EVP_PKCS82PKEY(Pkcs8Handle key);

    [LibraryImport(Name)]
    internal static partial void EVP_PKEY_free(nint key);

    [LibraryImport(Name)]
    internal static partial PrivateKeyHandle EVP_PKEY_new_raw_public_key(int type, nint engine, byte* key, nuint keyBytes);

    [LibraryImport(Name)]
    internal static partial nint EVP_MD_CTX_new();

    [LibraryImport(Name)]
    internal static partial void EVP_MD_CTX_free(nint context);

    [LibraryImport(Name)]
    internal static partial int EVP_DigestVerifyInit(nint context, nint keyContext, nint digest, nint engine, PrivateKeyHandle key);

    [LibraryImport(Name)]
    internal static partial int EVP_DigestVerify(
        nint context, byte* signature, nuint signatureBytes, byte* data, nuint dataBytes);

    [LibraryImport(Name)]
    internal static partial int X509_check_ca(X509Handle certificate);

    [LibraryImport(Name)]
    internal static partial int X509_check_ca(nint certificate);

    [LibraryImport(Name)]
    internal static partial uint X509_get_key_usage(nint certificate);

    [LibraryImport(Name)]
    internal static partial nint X509_get0_notBefore(nint certificate);

    [LibraryImport(Name)]
    internal static partial nint X509_get0_notAfter(nint certificate);

    [LibraryImport(Name)]
    internal static partial int ASN1_TIME_to_tm(nint time, BrokenDownTime* result);

    [LibraryImport(Name)]
    internal static partial nint X509_get0_serialNumber(nint certificate);

    [LibraryImport(Name)]
    internal static partial nint X509_get_issuer_name(nint certificate);

    [LibraryImport(Name)]
    internal static partial byte* X509_NAME_oneline(nint name, byte* buffer, int bufferBytes);

    [LibraryImport(Name)]
    internal static partial nint X509_get_ext_d2i(nint certificate, int nid, out int critical, nint index);

    [LibraryImport(Name)]
    internal static partial void GENERAL_NAMES_free(nint names);

    [LibraryImport(Name)]
    internal static partial nint GENERAL_NAME_get0_value(nint name, out int type);

    [LibraryImport(Name)]
    internal static partial int OPENSSL_sk_num(nint stack);

    [LibraryImport(Name)]
    internal static partial nint OPENSSL_sk_value(nint stack, int index);

    [LibraryImport(Name)]
    internal static partial X509StackHandle OPENSSL_sk_new_null();

    [LibraryImport(Name)]
    internal static partial int OPENSSL_sk_push(X509StackHandle stack, X509Handle certificate);

    [LibraryImport(Name)]
    internal static partial void OPENSSL_sk_free(nint stack);

    [LibraryImport(Name)]
    internal static partial byte* ASN1_STRING_get0_data(nint value);

    [LibraryImport(Name)]
    internal static partial int ASN1_STRING_length(nint value);

    [LibraryImport(Name)]
    internal static partial X509StoreHandle X509_STORE_new();

    [LibraryImport(Name)]
    internal static partial void X509_STORE_free(nint store);

    [LibraryImport(Name)]
    internal static partial int X509_STORE_add_cert(X509StoreHandle store, X509Handle certificate);

    [LibraryImport(Name)]
    internal static partial int X509_STORE_add_crl(X509StoreHandle store, X509RevocationListHandle list);

    [LibraryImport(Name)]
    internal static partial int X509_STORE_set_flags(X509StoreHandle store, nuint flags);

    [LibraryImport(Name)]
    internal static partial X509StoreContextHandle X509_STORE_CTX_new();

    [LibraryImport(Name)]
    internal static partial void X509_STORE_CTX_free(nint context);

    [LibraryImport(Name)]
    internal static partial int X509_STORE_CTX_init(X509StoreContextHandle context, X509StoreHandle store, nint target, nint untrusted);

    [LibraryImport(Name)]
    internal static partial int X509_STORE_CTX_init(
        X509StoreContextHandle context, X509StoreHandle store, X509Handle target, X509StackHandle untrusted);

    [LibraryImport(Name, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int X509_STORE_CTX_set_default(X509StoreContextHandle context, string name);

    [LibraryImport(Name)]
    internal static partial void X509_STORE_CTX_set_depth(X509StoreContextHandle context, int depth);

    [LibraryImport(Name)]
    internal static partial void X509_STORE_CTX_set_verify_cb(nint context, delegate* unmanaged[Cdecl]<int, nint, int> callback);

    [LibraryImport(Name)]
    internal static partial int X509_verify_cert(nint context);

    [LibraryImport(Name)]
    internal static partial int X509_STORE_CTX_get_error(nint context);

    [LibraryImport(Name)]
    internal static partial void X509_STORE_CTX_set_error(nint context, int error);

    [LibraryImport(Name)]
    internal static partial int X509_STORE_CTX_get_error_depth(nint context);

    [LibraryImport(Name)]
    internal static partial nint X509_STORE_CTX_get_current_cert(nint context);

    [LibraryImport(Name)]
    internal static partial nint X509_STORE_CTX_get0_cert(nint context);

    [LibraryImport(Name)]
    internal static partial nint X509_STORE_CTX_get_ex_data(nint context, int index);

    [LibraryImport(Name)]
    internal static partial byte* X509_verify_cert_error_string(nint error);

    /// <summary>struct tm of glibc and musl on 64-bit Linux.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct BrokenDownTime
    {
        internal int tm_sec;
        internal int tm_min;
        internal int tm_hour;
        internal int tm_mday;
        internal int tm_mon;
        internal int tm_year;
        internal int tm_wday;
        internal int tm_yday;
        internal int tm_isdst;
        internal nint tm_gmtoff;
        internal nint tm_zone;
    }

    internal const uint X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS = 0x4;
    internal const uint X509_CHECK_FLAG_NEVER_CHECK_SUBJECT = 0x20;

    [LibraryImport(Name, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int X509_check_host(nint certificate, string name, nuint nameBytes, uint flags, nint peerName);

    [LibraryImport(Name, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int X509_check_ip_asc(nint certificate, string address, uint flags);

    [LibraryImport(Name, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int X509_STORE_load_file(X509StoreHandle store, string path);
}
