using System.Diagnostics;
using Xunit;

namespace Mesh.Control.Tests.Support;

/// <summary>A directory of its own for one test, gone afterwards.</summary>
internal sealed class ScratchDirectory : IDisposable
{
    public ScratchDirectory() => Path = Directory.CreateTempSubdirectory("mesh-control-").FullName;

    public string Path { get; }

    public string this[string name] => System.IO.Path.Combine(Path, name);

    public void Write(string name, string text)
    {
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(this[name])!);
        File.WriteAllText(this[name], text);
    }

    /// <summary>Replaces a link by another in one step, which the framework cannot when they lead to directories.</summary>
    public async Task RenameAsync(string from, string to)
    {
        using var rename = Process.Start("mv", ["-T", this[from], this[to]]);
        await rename.WaitForExitAsync();
        Assert.Equal(0, rename.ExitCode);
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
