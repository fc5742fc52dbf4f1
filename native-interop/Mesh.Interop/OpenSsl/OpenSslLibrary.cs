using System.Globalization;
using System.Runtime.InteropServices;

namespace Mesh.Interop.OpenSsl;

/// <summary>Which OpenSSL this process uses: where it was found, its version, and whether this engine knows it.</summary>
/// <remarks>
/// Thread-safe. Major version 3 is supported, from 3.0 on: its interface is stable by OpenSSL's own promise. Another major is refused,
/// because its structures and meanings may differ.
/// </remarks>
public static class OpenSslLibrary
{
    /// <summary>The environment variable by which builds of OpenSSL with that option write session secrets to a file.</summary>
    private const string KeyLogVariable = "SSLKEYLOGFILE";

    private static readonly Lock s_gate = new();
    private static string? s_directory; // Guarded by s_gate.
    private static volatile LoadedLibrary? s_loaded; // Written once, under s_gate.

    /// <summary>What the library says of itself, for example "OpenSSL 3.5.4 30 Sep 2025".</summary>
    /// <exception cref="TlsConfigurationException">There is no usable OpenSSL.</exception>
    public static string VersionText => Load().VersionText;

    /// <summary>The major version. Always 3 when this returns.</summary>
    /// <exception cref="TlsConfigurationException">There is no usable OpenSSL.</exception>
    public static int Major => Load().Major;

    /// <summary>The minor version: 0 for the long-term 3.0, 5 for the long-term 3.5.</summary>
    /// <exception cref="TlsConfigurationException">There is no usable OpenSSL.</exception>
    public static int Minor => Load().Minor;

    /// <summary>The directory the library was told to come from, or <see langword="null"/> for the system's search.</summary>
    public static string? Directory
    {
        get
        {
            lock (s_gate)
            {
                return s_directory;
            }
        }
    }

    /// <summary>
    /// Takes libssl.so.3 and libcrypto.so.3 from one directory instead of the system's search path. Must come before anything in the
    /// process touches OpenSSL, the class library's own cryptography included: two copies cannot be mixed in one process.
    /// </summary>
    /// <param name="directory">Holds both libraries. Relative paths are resolved against the current directory.</param>
    /// <exception cref="TlsConfigurationException">
    /// A library is missing there, or another OpenSSL is already loaded; the message names which.
    /// </exception>
    public static void UseDirectory(string directory)
    {
        ArgumentException.ThrowIfNullOrEmpty(directory);
        string full = Path.GetFullPath(directory);

        lock (s_gate)
        {
            if (s_loaded is LoadedLibrary loaded)
            {
                if (s_directory == full)
                {
                    return;
                }

                throw new TlsConfigurationException($"{loaded.VersionText} is already in use; its directory must be set before.");
            }

            s_loaded = LoadOnce(full);
            s_directory = full;
        }
    }

    /// <summary>Loads the library when that has not happened yet, and refuses one this engine does not know.</summary>
    /// <exception cref="TlsConfigurationException">No OpenSSL was found, or it is unsuitable; the message says why.</exception>
    public static void EnsureSupported() => Load();

    /// <summary>Why a library may not be used, or <see langword="null"/> when it may.</summary>
    /// <param name="versionNumber">OPENSSL_VERSION_NUMBER: 0xMNN00PP0.</param>
    /// <param name="versionText">For the message.</param>
    /// <param name="keyLogFile">The value of SSLKEYLOGFILE.</param>
    internal static string? Refusal(ulong versionNumber, string versionText, string? keyLogFile)
    {
        int major = MajorOf(versionNumber);
        if (major != 3)
        {
            return $"{versionText} has major version {major.ToString(CultureInfo.InvariantCulture)}; only 3 is supported.";
        }

        // From 3.5 on OpenSSL can be built to obey this variable by itself, and no call turns it off.
        return MinorOf(versionNumber) >= 5 && !string.IsNullOrEmpty(keyLogFile)
            ? $"{KeyLogVariable} is set: {versionText} may write every session's keys to that file. Unset it."
            : null;
    }

    private static int MajorOf(ulong versionNumber) => (int)(versionNumber >> 28);

    private static int MinorOf(ulong versionNumber) => (int)(versionNumber >> 20) & 0xFF;

    private static LoadedLibrary Load()
    {
        if (s_loaded is LoadedLibrary loaded)
        {
            return loaded;
        }

        lock (s_gate)
        {
            return s_loaded ??= LoadOnce(directory: null);
        }
    }

    private static unsafe LoadedLibrary LoadOnce(string? directory)
    {
        // libcrypto first: libssl then finds it by its soname, instead of the system's.
        nint crypto = Open(LibCrypto.Name, directory);
        nint ssl = Open(LibSsl.Name, directory);
        try
        {
            NativeLibrary.SetDllImportResolver(typeof(OpenSslLibrary).Assembly, (name, _, _) => name switch
            {
                LibCrypto.Name => crypto,
                LibSsl.Name => ssl,
                _ => 0,
            });
        }
        catch (InvalidOperationException)
        {
            // An earlier attempt set it and then refused the library it had loaded; a second attempt finds the same one.
        }

        ulong number = LibCrypto.OpenSSL_version_num();
        string text = Marshal.PtrToStringUTF8((nint)LibCrypto.OpenSSL_version(LibCrypto.OPENSSL_VERSION)) ?? "an unnamed OpenSSL";
        if (Refusal(number, text, Environment.GetEnvironmentVariable(KeyLogVariable)) is string refusal)
        {
            throw new TlsConfigurationException(refusal);
        }

        // Without it, the exit handler of OpenSSL frees its tables while loop threads may still be using them.
        if (LibCrypto.OPENSSL_init_crypto(LibCrypto.OPENSSL_INIT_NO_ATEXIT, 0) != 1)
        {
            throw new TlsConfigurationException($"{text} cannot be initialised: {ErrorQueue.TakeText()}");
        }

        return new LoadedLibrary(MajorOf(number), MinorOf(number), text);
    }

    private static nint Open(string name, string? directory)
    {
        string target = directory is null ? name : Path.Combine(directory, name);
        if (directory is not null && !File.Exists(target))
        {
            throw new TlsConfigurationException($"There is no {name} in {directory}.");
        }

        if (directory is not null && MappedElsewhere(name, target) is string other)
        {
            throw new TlsConfigurationException($"{other} is already loaded, so {target} cannot be; set the directory at start.");
        }

        try
        {
            return NativeLibrary.Load(target);
        }
        catch (Exception problem) when (problem is DllNotFoundException or BadImageFormatException)
        {
            throw new TlsConfigurationException($"{target} cannot be loaded: {problem.Message}", problem);
        }
    }

    /// <summary>The path of a mapped library of that name which is not <paramref name="file"/>.</summary>
    internal static string? MappedElsewhere(string name, string file)
    {
        string wanted = File.ResolveLinkTarget(file, returnFinalTarget: true)?.FullName ?? file;
        foreach (string line in File.ReadLines("/proc/self/maps"))
        {
            int slash = line.IndexOf('/', StringComparison.Ordinal);
            if (slash >= 0 && Path.GetFileName(line.AsSpan(slash)).StartsWith(name, StringComparison.Ordinal) && line[slash..] != wanted)
            {
                return line[slash..];
            }
        }

        return null;
    }

    private sealed record LoadedLibrary(int Major, int Minor, string VersionText);
}
