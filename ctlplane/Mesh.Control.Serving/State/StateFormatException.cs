namespace Mesh.Control.Serving.State;

/// <summary>
/// A file of the state directory is not what was written there. Names the file and what is wrong; never quotes its content.
/// </summary>
public sealed class StateFormatException(string file, string reason, Exception? inner = null) : Exception($"{file}: {reason}", inner)
{
    public string File { get; } = file;
}
