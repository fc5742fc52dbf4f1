using System.Formats.Tar;
using System.IO.Compression;
using System.Security.Cryptography;
using Mesh.Images.Files;
using Mesh.Images.Oci;
using Xunit;

namespace Mesh.Images.Tests;

/// <summary>The same files are the same bytes, and are unpacked as what they were.</summary>
public sealed class LayerTests
{
    private static readonly DateTimeOffset s_time = DateTimeOffset.FromUnixTimeSeconds(1_700_000_000);

    [Fact]
    public void The_order_in_which_files_came_does_not_show()
    {
        FileTree one = new();
        FileTree other = new();
        foreach (int number in Enumerable.Range(0, 50))
        {
            one[$"usr/share/{number}"] = Plain($"{number}");
            other[$"usr/share/{49 - number}"] = Plain($"{49 - number}");
        }

        Layer first = Layer.Pack("files", one);
        Layer second = Layer.Pack("files", other);

        Assert.Equal(first.Blob.Content, second.Blob.Content);
        Assert.Equal(first.DiffId, second.DiffId);
    }

    [Fact]
    public void The_compressed_archive_carries_neither_a_time_nor_a_name()
    {
        byte[] packed = Layer.Pack("files", new FileTree { ["a"] = Plain("a") }).Blob.Content;

        // RFC 1952 §2.3: magic, method, flags, and four bytes of time.
        Assert.Equal([0x1f, 0x8b, 8, 0, 0, 0, 0, 0], packed[..8]);
    }

    [Fact]
    public void What_is_unpacked_is_what_was_packed_with_its_folders_and_of_root()
    {
        Layer layer = Layer.Pack("files", new FileTree
        {
            ["usr/bin/tool"] = new PlainFile("run"u8.ToArray(), FileEntry.ProgramMode, s_time),
            ["bin"] = new Link("usr/bin", s_time),
            ["tmp"] = new Folder((UnixFileMode)0b1_111_111_111, s_time),
        });
        byte[] archive = Unpack(layer);

        List<(string Name, TarEntryType Kind, int Mode, string Content)> entries = [];
        using TarReader reader = new(new MemoryStream(archive));
        while (reader.GetNextEntry(copyData: true) is TarEntry entry)
        {
            Assert.Equal((0, 0), (entry.Uid, entry.Gid));
            string content = entry.DataStream is null ? entry.LinkName : new StreamReader(entry.DataStream).ReadToEnd();
            entries.Add((entry.Name, entry.EntryType, (int)entry.Mode, content));
            Assert.Equal(entry.Name.StartsWith("usr/", StringComparison.Ordinal) && entry.EntryType == TarEntryType.Directory
                ? DateTimeOffset.UnixEpoch : s_time, entry.ModificationTime);
        }

        Assert.Equal(
            [
                ("bin", TarEntryType.SymbolicLink, 0b111_101_101, "usr/bin"),
                ("tmp/", TarEntryType.Directory, 0b1_111_111_111, ""),
                ("usr/", TarEntryType.Directory, 0b111_101_101, ""),
                ("usr/bin/", TarEntryType.Directory, 0b111_101_101, ""),
                ("usr/bin/tool", TarEntryType.RegularFile, 0b111_101_101, "run"),
            ],
            entries);
        Assert.Equal(archive.Length, layer.ContentBytes);
        Assert.Equal(layer.DiffId, "sha256:" + Convert.ToHexStringLower(SHA256.HashData(archive)));
    }

    [Fact]
    public void A_path_that_no_archive_can_have_is_named()
    {
        string name = new('n', 300);

        ImageException thrown = Assert.Throws<ImageException>(() => Layer.Pack("files", new FileTree { [name] = Plain("") }));

        Assert.StartsWith($"/{name} cannot be put into an archive", thrown.Message, StringComparison.Ordinal);
    }

    internal static byte[] Unpack(Layer layer)
    {
        using GZipStream compressed = new(new MemoryStream(layer.Blob.Content), CompressionMode.Decompress);
        using MemoryStream archive = new();
        compressed.CopyTo(archive);
        return archive.ToArray();
    }

    private static PlainFile Plain(string content) => new(System.Text.Encoding.ASCII.GetBytes(content), FileEntry.PlainMode, s_time);
}
