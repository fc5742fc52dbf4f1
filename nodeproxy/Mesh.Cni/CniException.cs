namespace Mesh.Cni;

/// <summary>The invocation ends with a CNI error object.</summary>
/// <param name="code">Its code.</param>
/// <param name="message">What is wrong, in a sentence for whoever looks at the pod's events.</param>
/// <param name="details">More about it; may be empty.</param>
internal sealed class CniException(int code, string message, string details = "") : Exception(message)
{
    public int Code { get; } = code;

    public string Details { get; } = details;
}
