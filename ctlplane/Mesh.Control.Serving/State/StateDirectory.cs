using Microsoft.Win32.SafeHandles;

namespace Mesh.Control.Serving.State;

/// <summary>
/// Where the control plane keeps what must survive it. The server and the command line both write here: every change is made under
/// <see cref="LockAsync"/> and every file replaced whole, so that a reader sees one version or the other.
/// </summary>
public sealed class StateDirectory
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode WorldReadable = OwnerOnly | UnixFileMode.GroupRead | UnixFileMode.OtherRead;
    private const UnixFileMode Others =
        UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute
        | UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;

    private const UnixFileMode OwnerOnlyDirectory = OwnerOnly | UnixFileMode.UserExecute;
    private static readonly TimeSpan s_lockRetry = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan s_lockWaitMax = TimeSpan.FromSeconds(10);

    private readonly TimeProvider _time;

    /// <exception cref="IOException">The directory cannot be made or is not ours to write.</exception>
    /// <exception cref="StateFormatException">Anybody may write to it, and so put other keys into it.</exception>
    public StateDirectory(string path, TimeProvider time)
    {
        _time = time;
        Root = Path.GetFullPath(path);
        Directory.CreateDirectory(Root);
        if (File.GetUnixFileMode(Root).HasFlag(UnixFileMode.OtherWrite))
        {
            throw new StateFormatException(Root, "Everybody may write to the directory. Take that away (chmod o-w).");
        }

        Directory.CreateDirectory(AuthorityDirectory, OwnerOnlyDirectory);
        File.SetUnixFileMode(AuthorityDirectory, OwnerOnlyDirectory);
    }

    public string Root { get; }

    /// <summary>What proxies trust, for everybody to read.</summary>
    public string RootCertificateFile => Path.Combine(Root, "root-cert.pem");

    /// <summary>The revocation lists of all issuers, for everybody to read.</summary>
    public string RevocationListFile => Path.Combine(Root, "ca-crl.pem");

    public string TokenFile => Path.Combine(Root, "tokens.json");

    public string RevocationFile => Path.Combine(AuthorityDirectory, "revocations.json");

    public string AuthorityFile => Path.Combine(AuthorityDirectory, "authorities.json");

    public string IssuedFile => Path.Combine(AuthorityDirectory, "issued.jsonl");

    private string AuthorityDirectory => Path.Combine(Root, "ca");

    public string CertificateFile(string keyId) => Path.Combine(AuthorityDirectory, $"{keyId}.crt.pem");

    /// <summary>Names of the certificates and keys of roots.</summary>
    internal IEnumerable<string> KeyFileNames() => Directory.GetFiles(AuthorityDirectory, "*.pem").Select(path => Path.GetFileName(path)!);

    public string KeyFile(string keyId) => Path.Combine(AuthorityDirectory, $"{keyId}.key.pem");

    /// <summary>Keeps every other process from changing the directory until disposed.</summary>
    /// <exception cref="IOException">Another process held it for 10 s.</exception>
    public async Task<IDisposable> LockAsync(CancellationToken cancellation)
    {
        long start = _time.GetTimestamp();
        while (true)
        {
            try
            {
                return new FileStream(
                    Path.Combine(Root, ".lock"),
                    new FileStreamOptions
                    {
                        Mode = FileMode.OpenOrCreate,
                        Access = FileAccess.ReadWrite,
                        Share = FileShare.None,
                        UnixCreateMode = OwnerOnly,
                    });
            }
            catch (IOException exception)
            {
                if (_time.GetElapsedTime(start) > s_lockWaitMax)
                {
                    throw new IOException(
                        $"{Root} is being changed by another process, and has been for {s_lockWaitMax.TotalSeconds:0} s.", exception);
                }

                await Task.Delay(s_lockRetry, _time, cancellation);
            }
        }
    }

    /// <summary>The file, or null when there is none.</summary>
    public static byte[]? TryRead(string path)
    {
        try
        {
            return File.ReadAllBytes(path);
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }

    /// <summary>A file of <see cref="WriteSecret"/>, or null when there is none.</summary>
    /// <exception cref="StateFormatException">Others than the owner have access: what it holds may be known, or not be what was
    /// written.</exception>
    public static byte[]? TryReadSecret(string path) => TryReadGuarded(path, Others);

    /// <summary>A secret that somebody else has put there, who may have given it to a group; null when there is none.</summary>
    /// <exception cref="StateFormatException">Everybody has access.</exception>
    public static byte[]? TryReadSuppliedSecret(string path) =>
        TryReadGuarded(path, UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute);

    public static void WriteSecret(string path, ReadOnlySpan<byte> content) => Write(path, content, OwnerOnly);

    public static void WritePublic(string path, ReadOnlySpan<byte> content) => Write(path, content, WorldReadable);

    /// <summary>Not buffered: what has been written is with the system when the call returns.</summary>
    public static FileStream OpenSecretForAppend(string path) =>
        new(
            path,
            new FileStreamOptions
            {
                Mode = FileMode.Append,
                Access = FileAccess.Write,
                Share = FileShare.Read,
                BufferSize = 0,
                UnixCreateMode = OwnerOnly,
            });

    private static byte[]? TryReadGuarded(string path, UnixFileMode refused)
    {
        try
        {
            // Mode and content of one and the same file, whatever happens to the name meanwhile.
            using SafeFileHandle file = File.OpenHandle(path);
            UnixFileMode mode = File.GetUnixFileMode(file);
            if ((mode & refused) != 0)
            {
                throw new StateFormatException(
                    path, $"Has the mode 0{Convert.ToString((int)mode, 8)}, which gives others access to a secret. Set it to 0600.");
            }

            byte[] content = new byte[RandomAccess.GetLength(file)];
            int length = RandomAccess.Read(file, content, fileOffset: 0);
            return length == content.Length ? content : throw new IOException($"{path} became shorter while it was read.");
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }

    /// <summary>Written beside, brought to the disk, then renamed: there is never a half file under the real name.</summary>
    private static void Write(string path, ReadOnlySpan<byte> content, UnixFileMode mode)
    {
        string temporary = $"{path}.{Environment.ProcessId}.new";
        File.Delete(temporary);
        using (var stream = new FileStream(
            temporary,
            new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = OwnerOnly }))
        {
            stream.Write(content);
            stream.Flush(flushToDisk: true);
        }

        File.SetUnixFileMode(temporary, mode);
        File.Move(temporary, path, overwrite: true);
    }
}
