namespace Mesh.Node.Capture.Cni;

/// <summary>A request of the runtime is answered with an error.</summary>
/// <param name="code">One of <see cref="Mesh.Cni.Contract.CniErrorCode"/>.</param>
/// <param name="message">What is wrong, in a sentence.</param>
/// <param name="details">More about it.</param>
internal sealed class CniRefusal(int code, string message, string details = "") : Exception(message)
{
    public int Code { get; } = code;

    public string Details { get; } = details;
}
