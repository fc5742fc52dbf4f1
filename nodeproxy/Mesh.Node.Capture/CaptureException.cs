namespace Mesh.Node.Capture;

/// <summary>Something of this node or of one pod keeps capture from being what it must be. The message is for the operator.</summary>
public sealed class CaptureException : Exception
{
    public CaptureException(string message)
        : base(message)
    {
    }

    public CaptureException(string message, Exception inner)
        : base(message, inner)
    {
    }
}
