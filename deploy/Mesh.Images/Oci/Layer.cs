using System.Formats.Tar;
using System.IO.Compression;
using System.Security.Cryptography;
using Mesh.Images.Files;

namespace Mesh.Images.Oci;

/// <summary>One layer of an image: an archive of files, compressed. The same files give the same bytes.</summary>
internal sealed class Layer
{
    private const string MediaType = "application/vnd.oci.image.layer.v1.tar+gzip";

    private Layer(string title, Blob blob, string contentHash, long contentBytes)
    {
        Title = title;
        Blob = blob;
        DiffId = "sha256:" + contentHash;
        ContentBytes = contentBytes;
    }

    /// <summary>What is in it, for who looks at the image's history.</summary>
    public string Title { get; }

    public Blob Blob { get; }

    /// <summary>The digest of the archive before it is compressed.</summary>
    public string DiffId { get; }

    /// <summary>The size of the archive before it is compressed.</summary>
    public long ContentBytes { get; }

    /// <summary>Packs files, in the order of their paths, with the folders they lie in first.</summary>
    /// <exception cref="ImageException">A path is too long for an archive.</exception>
    public static Layer Pack(string title, FileTree files)
    {
        using MemoryStream packed = new();
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        long contentBytes;
        // A stream that is written like this has neither a time nor a name in its header.
        using (GZipStream compressed = new(packed, CompressionLevel.Optimal, leaveOpen: true))
        using (HashingStream hashed = new(compressed, hash))
        {
            using (TarWriter writer = new(hashed, TarEntryFormat.Ustar, leaveOpen: true))
            {
                Write(writer, files);
            }

            contentBytes = hashed.WrittenBytes;
        }

        return new Layer(title, new Blob(MediaType, packed.ToArray()), Convert.ToHexStringLower(hash.GetHashAndReset()), contentBytes);
    }

    private static void Write(TarWriter writer, FileTree files)
    {
        SortedDictionary<string, FileEntry> all = new(StringComparer.Ordinal);
        foreach ((string path, FileEntry entry) in files.Entries)
        {
            for (string? folder = Path.GetDirectoryName(path); !string.IsNullOrEmpty(folder); folder = Path.GetDirectoryName(folder))
            {
                // Whatever else is in it, a folder that is not named is the same in every layer.
                all.TryAdd(folder, new Folder(FileEntry.ProgramMode, DateTimeOffset.UnixEpoch));
            }

            all[path] = entry;
        }

        foreach ((string path, FileEntry entry) in all)
        {
            try
            {
                Write(writer, path, entry);
            }
            catch (ArgumentException tooLong)
            {
                throw new ImageException($"/{path} cannot be put into an archive: {tooLong.Message}", tooLong);
            }
        }
    }

    // The oldest format has all that is needed. The newer ones of this library have the writing process's number in their headers.
    private static void Write(TarWriter writer, string path, FileEntry entry)
    {
        UstarTarEntry written = entry switch
        {
            PlainFile file => new UstarTarEntry(TarEntryType.RegularFile, path) { DataStream = new MemoryStream(file.Content.ToArray()) },
            Link link => new UstarTarEntry(TarEntryType.SymbolicLink, path) { LinkName = link.Target },
            _ => new UstarTarEntry(TarEntryType.Directory, path + "/"),
        };
        written.Mode = entry.Mode;
        written.ModificationTime = DateTimeOffset.FromUnixTimeSeconds(entry.Time.ToUnixTimeSeconds());
        writer.WriteEntry(written);
    }

    /// <summary>Passes on what is written, and hashes it.</summary>
    private sealed class HashingStream(Stream inner, IncrementalHash hash) : Stream
    {
        public long WrittenBytes { get; private set; }

        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override void Flush() => inner.Flush();

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            hash.AppendData(buffer);
            inner.Write(buffer);
            WrittenBytes += buffer.Length;
        }

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
