using System.Buffers.Binary;
using System.Text;

namespace Mesh.Images.Files;

/// <summary>
/// What an executable or library asks the dynamic linker for. Reads ELF-64, little-endian: both machines there are builds for.
/// Source: the ELF specification (gABI), chapters 4 and 5.
/// </summary>
/// <param name="Interpreter">The dynamic linker; null of a library or a static executable.</param>
/// <param name="Needed">Names of the libraries it is linked with.</param>
internal sealed record ElfImage(string? Interpreter, IReadOnlyList<string> Needed)
{
    private const int HeaderBytes = 64;
    private const uint SegmentLoad = 1;
    private const uint SegmentDynamic = 2;
    private const uint SegmentInterpreter = 3;
    private const ulong TagNeeded = 1;
    private const ulong TagStrings = 5;

    /// <summary>Reads what a file asks for.</summary>
    /// <returns>Null of what is no ELF file.</returns>
    /// <exception cref="ImageException">It is one, and broken.</exception>
    public static ElfImage? Read(ReadOnlySpan<byte> file)
    {
        if (file.Length < HeaderBytes || !file.StartsWith("\u007fELF\u0002\u0001"u8))
        {
            return null;
        }

        try
        {
            return ReadSegments(file);
        }
        catch (Exception broken) when (broken is ArgumentOutOfRangeException or OverflowException)
        {
            throw new ImageException("An ELF file points beyond its end.", broken);
        }
    }

    private static ElfImage ReadSegments(ReadOnlySpan<byte> file)
    {
        string? interpreter = null;
        ReadOnlySpan<byte> dynamic = default;
        List<(ulong Address, ulong Offset, ulong Length)> loaded = [];
        int offset = checked((int)Word(file, 32));
        int size = BinaryPrimitives.ReadUInt16LittleEndian(file[54..]);
        int count = BinaryPrimitives.ReadUInt16LittleEndian(file[56..]);
        for (int index = 0; index < count; index++)
        {
            ReadOnlySpan<byte> segment = file.Slice(checked(offset + (index * size)), 56);
            (ulong at, ulong length) = (Word(segment, 8), Word(segment, 32));
            switch (BinaryPrimitives.ReadUInt32LittleEndian(segment))
            {
                case SegmentLoad:
                    loaded.Add((Word(segment, 16), at, length));
                    break;
                case SegmentDynamic:
                    dynamic = file.Slice(checked((int)at), checked((int)length));
                    break;
                case SegmentInterpreter:
                    interpreter = Text(file, at);
                    break;
            }
        }

        return new ElfImage(interpreter, NeededOf(file, dynamic, loaded));
    }

    private static List<string> NeededOf(
        ReadOnlySpan<byte> file, ReadOnlySpan<byte> dynamic, List<(ulong Address, ulong Offset, ulong Length)> loaded)
    {
        List<ulong> names = [];
        ulong strings = 0;
        for (; dynamic.Length >= 16; dynamic = dynamic[16..])
        {
            switch (Word(dynamic, 0))
            {
                case TagNeeded:
                    names.Add(Word(dynamic, 8));
                    break;
                case TagStrings:
                    strings = Word(dynamic, 8);
                    break;
            }
        }

        List<string> needed = [];
        foreach (ulong name in names)
        {
            // The table is named by its address in memory.
            (ulong address, ulong offset, _) = loaded.Find(part => strings >= part.Address && strings - part.Address < part.Length);
            needed.Add(Text(file, checked(strings - address + offset + name)));
        }

        return needed;
    }

    private static ulong Word(ReadOnlySpan<byte> from, int offset) => BinaryPrimitives.ReadUInt64LittleEndian(from[offset..]);

    private static string Text(ReadOnlySpan<byte> file, ulong offset)
    {
        ReadOnlySpan<byte> rest = file[checked((int)offset)..];
        return Encoding.ASCII.GetString(rest[..rest.IndexOf((byte)0)]);
    }
}
