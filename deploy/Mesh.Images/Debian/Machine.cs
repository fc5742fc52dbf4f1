using System.Runtime.InteropServices;

namespace Mesh.Images.Debian;

/// <summary>One architecture, as each of those who name it calls it.</summary>
/// <param name="Debian">Debian's name, which is also that of OCI.</param>
/// <param name="Triplet">The folder of its libraries below /usr/lib.</param>
/// <param name="RuntimeIdentifier">.NET's name.</param>
/// <param name="Interpreter">Where executables look for the dynamic linker, below the root and without links.</param>
internal sealed record Machine(string Debian, string Triplet, string RuntimeIdentifier, string Interpreter)
{
    public static Machine X64 { get; } = new("amd64", "x86_64-linux-gnu", "linux-x64", "usr/lib64/ld-linux-x86-64.so.2");

    public static Machine Arm64 { get; } = new("arm64", "aarch64-linux-gnu", "linux-arm64", "usr/lib/ld-linux-aarch64.so.1");

    /// <exception cref="ImageException">The product is not built for this machine.</exception>
    public static Machine Current => RuntimeInformation.ProcessArchitecture switch
    {
        Architecture.X64 => X64,
        Architecture.Arm64 => Arm64,
        Architecture other => throw new ImageException($"There is no build for {other}: x64 and arm64 are supported."),
    };
}
