using Mesh.Images.Debian;
using Mesh.Images.Files;
using Xunit;

namespace Mesh.Images.Tests;

/// <summary>What executables ask the dynamic linker for, held to those of this machine.</summary>
public sealed class ElfImageTests
{
    private static byte[] Own => File.ReadAllBytes(Environment.ProcessPath!);

    [Fact]
    public void The_executable_of_this_test_asks_for_what_it_is_linked_with()
    {
        ElfImage elf = ElfImage.Read(Own)!;

        Assert.Contains("libc.so.6", elf.Needed);
        Assert.Contains("libstdc++.so.6", elf.Needed);
        Assert.EndsWith(Path.GetFileName(Machine.Current.Interpreter), elf.Interpreter, StringComparison.Ordinal);
    }

    [Fact]
    public void A_library_has_no_interpreter_of_its_own()
    {
        string path = Path.Combine(Path.GetDirectoryName(typeof(object).Assembly.Location)!, "libSystem.Native.so");

        ElfImage elf = ElfImage.Read(File.ReadAllBytes(path))!;

        Assert.Null(elf.Interpreter);
        Assert.Contains("libc.so.6", elf.Needed);
    }

    [Theory]
    [InlineData("")]
    [InlineData("#!/bin/sh\n")]
    [InlineData("A text that is longer than the header of an executable and is none nevertheless, whoever looks at it.")]
    public void What_is_none_is_none(string content) => Assert.Null(ElfImage.Read(System.Text.Encoding.ASCII.GetBytes(content)));

    [Fact]
    public void One_that_is_cut_off_is_refused_or_read_and_nothing_else()
    {
        byte[] own = Own;
        int refused = 0;
        for (int length = 64; length < own.Length; length += 97)
        {
            try
            {
                ElfImage.Read(own.AsSpan(0, length));
            }
            catch (ImageException)
            {
                refused++;
            }
        }

        Assert.NotEqual(0, refused);
    }
}
