namespace Mesh.Images.Files;

/// <summary>One file, folder or link of a layer. All belong to root: what runs as somebody else changes none of it.</summary>
/// <param name="Mode">Permission bits.</param>
/// <param name="Time">When it was changed, in whole seconds.</param>
internal abstract record FileEntry(UnixFileMode Mode, DateTimeOffset Time)
{
    public const UnixFileMode PlainMode =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    public const UnixFileMode ProgramMode =
        PlainMode | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;
}

/// <summary>A file with content.</summary>
internal sealed record PlainFile(ReadOnlyMemory<byte> Content, UnixFileMode Mode, DateTimeOffset Time) : FileEntry(Mode, Time);

/// <summary>A folder. Those that only hold others need not be named.</summary>
internal sealed record Folder(UnixFileMode Mode, DateTimeOffset Time) : FileEntry(Mode, Time);

/// <summary>A symbolic link.</summary>
/// <param name="Target">As it is written in the link.</param>
/// <param name="Time">When it was made, in whole seconds.</param>
internal sealed record Link(string Target, DateTimeOffset Time) : FileEntry(ProgramMode, Time);
