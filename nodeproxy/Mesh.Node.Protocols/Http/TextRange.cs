namespace Mesh.Node.Protocols.Http;

/// <summary>Where a text stands in a <see cref="TextArena"/>. The default value is the empty text.</summary>
internal readonly record struct TextRange(int Offset, int Bytes);
