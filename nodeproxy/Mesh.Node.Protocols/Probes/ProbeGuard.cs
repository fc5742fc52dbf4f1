namespace Mesh.Node.Protocols.Probes;

/// <summary>
/// Judges what a client sends that is admitted as a health probe and for nothing else. What is not certainly a declared probe is refused:
/// whoever may send more than a probe could reach the application past its policy. One connection's; not thread-safe.
/// </summary>
public sealed class ProbeGuard(ProbeRequests allowed)
{
    /// <summary>The most bytes that ever wait for a verdict: a caller that holds so many gets one.</summary>
    public const int WaitingBytesMax = GrpcProbeReader.FrameBytesMax;

    private const int DecidingBytes = 4;

    private HttpProbeReader? _http;
    private GrpcProbeReader? _grpc;

    /// <summary>Judges what has come and was not released before.</summary>
    /// <param name="waiting">At least one byte. What is released is not shown again; what is not, is, with what came behind it.</param>
    public ProbeVerdict Judge(ReadOnlySpan<byte> waiting)
    {
        if (_http is not null)
        {
            return _http.Judge(waiting);
        }

        if (_grpc is not null)
        {
            return _grpc.Judge(waiting);
        }

        if (allowed.HttpPaths.IsEmpty && allowed.GrpcServices.IsEmpty)
        {
            return ProbeVerdict.Refuse("the port's probe opens a connection and sends nothing");
        }

        if (waiting.Length < DecidingBytes)
        {
            return ProbeVerdict.NeedMore;
        }

        if (waiting.StartsWith("GET "u8) && !allowed.HttpPaths.IsEmpty)
        {
            _http = new HttpProbeReader(allowed.HttpPaths);
            return _http.Judge(waiting);
        }

        if (waiting.StartsWith("PRI "u8) && !allowed.GrpcServices.IsEmpty)
        {
            _grpc = new GrpcProbeReader(allowed.GrpcServices);
            return _grpc.Judge(waiting);
        }

        return ProbeVerdict.Refuse("the bytes are no request of a kind the port's probes make");
    }
}
