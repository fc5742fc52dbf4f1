using System.Runtime.CompilerServices;
using Mesh.Interop.OpenSsl;
using Xunit;

namespace Mesh.Interop.Tests.OpenSsl;

/// <summary>
/// Goal: only an OpenSSL this engine knows is used, and never two of them at once. Method: the decisions as tables, and the library of
/// this process, which by now is loaded.
/// </summary>
public sealed class OpenSslLibraryTests
{
    [Fact]
    public void The_library_says_which_it_is()
    {
        OpenSslLibrary.EnsureSupported();

        Assert.Equal(3, OpenSslLibrary.Major);
        Assert.StartsWith($"OpenSSL 3.{OpenSslLibrary.Minor}.", OpenSslLibrary.VersionText, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0x3000_0000ul, true)]
    [InlineData(0x3000_0160ul, true)]
    [InlineData(0x3050_0040ul, true)]
    [InlineData(0x3060_0000ul, true)]
    [InlineData(0x1010_117Ful, false)]
    [InlineData(0x2000_0000ul, false)] // LibreSSL says so.
    [InlineData(0x4000_0000ul, false)]
    public void Only_major_version_3_is_used(ulong versionNumber, bool isUsed)
    {
        string? refusal = OpenSslLibrary.Refusal(versionNumber, "OpenSSL x", keyLogFile: null);

        Assert.Equal(isUsed, refusal is null);
        Assert.True(isUsed || refusal!.Contains("OpenSSL x has major version", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(0x3000_0160ul, true)] // Cannot write keys by itself.
    [InlineData(0x3050_0000ul, false)]
    [InlineData(0x3060_0000ul, false)]
    public void A_library_that_may_write_keys_to_a_file_is_refused_while_it_is_asked_to(ulong versionNumber, bool isUsed)
    {
        Assert.Equal(isUsed, OpenSslLibrary.Refusal(versionNumber, "OpenSSL x", "/tmp/keys") is null);
        Assert.Null(OpenSslLibrary.Refusal(versionNumber, "OpenSSL x", ""));
    }

    [Fact]
    public void The_directory_cannot_change_once_a_library_is_loaded()
    {
        OpenSslLibrary.EnsureSupported();

        TlsConfigurationException thrown = Assert.Throws<TlsConfigurationException>(() => OpenSslLibrary.UseDirectory("/nowhere"));

        Assert.Contains("already in use", thrown.Message, StringComparison.Ordinal);
        Assert.Null(OpenSslLibrary.Directory);
    }

    [Fact]
    public void A_second_copy_of_a_loaded_library_is_noticed()
    {
        OpenSslLibrary.EnsureSupported();
        string loaded = File.ReadLines("/proc/self/maps").First(line => line.EndsWith("/" + LibCrypto.Name, StringComparison.Ordinal));
        loaded = loaded[loaded.IndexOf('/', StringComparison.Ordinal)..];

        DirectoryInfo elsewhere = Directory.CreateTempSubdirectory("mesh-openssl-");
        try
        {
            string copy = Path.Combine(elsewhere.FullName, LibCrypto.Name);
            File.Copy(loaded, copy);
            string link = Path.Combine(elsewhere.FullName, "link");
            File.CreateSymbolicLink(link, loaded);

            Assert.Null(OpenSslLibrary.MappedElsewhere(LibCrypto.Name, loaded));
            Assert.Null(OpenSslLibrary.MappedElsewhere(LibCrypto.Name, link));
            Assert.Equal(loaded, OpenSslLibrary.MappedElsewhere(LibCrypto.Name, copy));
            Assert.Null(OpenSslLibrary.MappedElsewhere("libnone.so.3", copy));
        }
        finally
        {
            elsewhere.Delete(recursive: true);
        }
    }

    [Fact]
    public void Struct_tm_has_the_systems_layout()
    {
        LibCrypto.BrokenDownTime time = default;
        ref byte start = ref Unsafe.As<LibCrypto.BrokenDownTime, byte>(ref time);

        Assert.Equal(56, Unsafe.SizeOf<LibCrypto.BrokenDownTime>());
        Assert.Equal(20, Unsafe.ByteOffset(ref start, ref Unsafe.As<int, byte>(ref time.tm_year)));
        Assert.Equal(40, Unsafe.ByteOffset(ref start, ref Unsafe.As<nint, byte>(ref time.tm_gmtoff)));
    }
}
