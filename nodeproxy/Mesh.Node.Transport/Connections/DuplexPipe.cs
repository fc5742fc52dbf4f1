using System.IO.Pipelines;

namespace Mesh.Node.Transport.Connections;

/// <summary>The two ends of a connection that its protocol works on.</summary>
public sealed class DuplexPipe(PipeReader input, PipeWriter output) : IDuplexPipe
{
    /// <inheritdoc/>
    public PipeReader Input => input;

    /// <inheritdoc/>
    public PipeWriter Output => output;
}
