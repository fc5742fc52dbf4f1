using System.Security.Cryptography;
using Mesh.Interop.OpenSsl;
using Mesh.Node.Model.Traffic;
using Microsoft.Win32.SafeHandles;

namespace Mesh.Node.Proxy.Origination;

/// <summary>Reads what rules name of files for TLS towards servers outside the mesh. Blocks; one thread at a time.</summary>
/// <param name="directory">Where they must be: whoever may write a rule may have any file in it used, and none besides.</param>
internal sealed class OriginationFiles(string directory)
{
    private const int FileBytesMax = 1024 * 1024;

    private readonly string _root = Path.TrimEndingDirectorySeparator(Path.GetFullPath(directory)) + Path.DirectorySeparatorChar;
    private TlsTrust? _system;

    /// <summary>
    /// Tells one state of the files from another, by what is in them: a Secret in a pod is links that stay the same, and files may well be
    /// of the same time and length.
    /// </summary>
    public string StampOf(TlsOrigination tls) => string.Join(
        '|',
        new[] { tls.RootsFile, tls.RevocationsFile, tls.CertificateFile, tls.KeyFile }
            .Where(name => name.Length > 0)
            .Select(name => StampOf(PathOf(name))));

    /// <summary>Makes a context.</summary>
    /// <exception cref="TlsConfigurationException">Something in it is wrong, or cannot be read; it says what.</exception>
    public TlsContext Read(TlsOrigination tls, OriginationUse use)
    {
        byte[]? key = tls.KeyFile.Length == 0 ? null : KeyOf(tls.KeyFile);
        try
        {
            return TlsContext.CreateForServers(new TlsOriginationOptions
            {
                Trust = tls.SkipsVerification ? null : TrustOf(tls),
                CertificateChainPem = tls.CertificateFile.Length == 0 ? null : TextOf(tls.CertificateFile),
                PrivateKeyPkcs8 = key,
                Alpn = use switch
                {
                    OriginationUse.Http1 => ["http/1.1"],
                    OriginationUse.Http2 => ["h2"],
                    _ => [],
                },
                RequiresProtocol = use == OriginationUse.Http2,
            });
        }
        finally
        {
            CryptographicOperations.ZeroMemory(key);
        }
    }

    private static string StampOf(string path)
    {
        try
        {
            using SafeFileHandle file = Open(path);
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            Span<byte> part = stackalloc byte[4_096];
            long read = 0;
            while (read <= FileBytesMax && RandomAccess.Read(file, part, read) is int count and > 0)
            {
                hash.AppendData(part[..count]);
                read += count;
            }

            CryptographicOperations.ZeroMemory(part);
            return Convert.ToHexString(hash.GetHashAndReset());
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            return "-";
        }
    }

    /// <summary>Opens what a path leads to: the length of a path would be that of a link.</summary>
    private static SafeFileHandle Open(string path) =>
        File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);

    private TlsTrust TrustOf(TlsOrigination tls)
    {
        if (tls.RootsFile.Length > 0)
        {
            return TlsTrust.Create(TextOf(tls.RootsFile), tls.RevocationsFile.Length == 0 ? null : TextOf(tls.RevocationsFile));
        }

        return tls.RevocationsFile.Length == 0
            ? _system ??= TlsTrust.CreateOfSystem()
            : throw new TlsConfigurationException("A revocation list needs the roots that it goes with.");
    }

    private string PathOf(string name)
    {
        string path = Path.GetFullPath(Path.Combine(_root, name));
        return path.StartsWith(_root, StringComparison.Ordinal)
            ? path
            : throw new TlsConfigurationException($"{name} is not in {_root}, where files for TLS must be.");
    }

    private string TextOf(string name)
    {
        string path = PathOf(name);
        try
        {
            using SafeFileHandle file = Open(path);
            byte[] bytes = new byte[Math.Min(RandomAccess.GetLength(file), FileBytesMax) + 1];
            int count = ReadUpTo(file, bytes);
            if (count > FileBytesMax)
            {
                throw new TlsConfigurationException($"{path} is larger than {FileBytesMax} bytes.");
            }

            // One byte more than its length there is only if somebody writes to it.
            if (count == bytes.Length)
            {
                throw new TlsConfigurationException($"{path} has grown while it was read.");
            }

            using var text = new StreamReader(new MemoryStream(bytes, 0, count));
            return text.ReadToEnd();
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            throw new TlsConfigurationException($"{path} cannot be read: {unreadable.Message}");
        }
    }

    private static int ReadUpTo(SafeFileHandle file, Span<byte> bytes)
    {
        int count = 0;
        while (count < bytes.Length && RandomAccess.Read(file, bytes[count..], count) is int read and > 0)
        {
            count += read;
        }

        return count;
    }

    /// <summary>A key of any of the usual forms, unencrypted, as PKCS#8.</summary>
    private byte[] KeyOf(string name)
    {
        string pem = TextOf(name);
        try
        {
            PemFields fields = PemEncoding.Find(pem);
            return pem[fields.Label] switch
            {
                "PRIVATE KEY" => Convert.FromBase64String(pem[fields.Base64Data]),
                "EC PRIVATE KEY" => Import(ECDsa.Create(), pem),
                "RSA PRIVATE KEY" => Import(RSA.Create(), pem),
                _ => throw new TlsConfigurationException($"{name} is no unencrypted private key."),
            };
        }
        catch (Exception malformed) when (malformed is ArgumentException or FormatException or CryptographicException)
        {
            throw new TlsConfigurationException($"{name} is no unencrypted private key.");
        }
    }

    private static byte[] Import(AsymmetricAlgorithm algorithm, string pem)
    {
        using (algorithm)
        {
            algorithm.ImportFromPem(pem);
            return algorithm.ExportPkcs8PrivateKey();
        }
    }
}
