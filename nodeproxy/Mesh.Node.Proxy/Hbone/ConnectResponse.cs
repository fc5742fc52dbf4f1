using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http2;
using Mesh.Node.Transport.Buffers;
using Mesh.Node.Transport.EventLoops;

namespace Mesh.Node.Proxy.Hbone;

/// <summary>Waits for the answer to one CONNECT.</summary>
/// <remarks>
/// Data may not precede the response, but may come with it; and whoever waits may run in the next turn only
/// (<see cref="LoopCompletion{T}"/>). What comes before its relay has the stream is therefore held for it, within the budget.
/// </remarks>
internal sealed class ConnectResponse(EventLoop loop, BufferBudget? buffers = null) : ITunnelStreamEvents, ITimerHandler
{
    private readonly LoopCompletion<ConnectAnswer> _completion = new(loop);
    private EarlyData? _early;
    private bool _isCut;
    private LoopTimer? _timer;

    /// <summary>Completes with the status, or with why there is none.</summary>
    public async ValueTask<ConnectAnswer> WaitAsync(TimeSpan timeLimit)
    {
        _timer = new LoopTimer(loop, this);
        _timer.Arm(timeLimit);
        ConnectAnswer answer = await _completion.WaitAsync();
        _timer.Cancel();
        return answer;
    }

    /// <summary>Hands on what came with the answer; false, and nothing, when not all of it could be held.</summary>
    /// <param name="relay">Has taken the stream over.</param>
    public bool TryDeliverTo(ITunnelStreamEvents relay)
    {
        if (!_isCut)
        {
            _early?.DeliverTo(relay);
        }

        return !_isCut;
    }

    /// <summary>Lets go of what was not delivered.</summary>
    public void Release() => _early?.Release();

    void ITunnelStreamEvents.OnResponse(HeaderList headers, bool endStream)
    {
        int status = ConnectStatusCode.Parse(headers);
        _completion.TryComplete(status == ConnectStatusCode.Ok && endStream
            ? new ConnectAnswer(ConnectAnswerKind.Aborted, status)
            : new ConnectAnswer(ConnectAnswerKind.Answered, status));
    }

    void ITunnelStreamEvents.OnData(ReadOnlySpan<byte> data, bool endStream)
    {
        _early ??= new EarlyData(loop, buffers);
        _isCut |= !_early.TryHold(data, endStream);
    }

    void ITunnelStreamEvents.OnSendable()
    {
    }

    void ITunnelStreamEvents.OnAborted(TunnelAbort abort) => _completion.TryComplete(new ConnectAnswer(
        abort.IsUnsent ? ConnectAnswerKind.Unsent
        : abort.IsTunnelLost ? ConnectAnswerKind.TunnelLost
        : abort.Code == Http2ErrorCode.RefusedStream ? ConnectAnswerKind.Refused
        : ConnectAnswerKind.Aborted,
        0));

    void ITunnelStreamEvents.OnFinished() => _completion.TryComplete(new ConnectAnswer(ConnectAnswerKind.Aborted, 0));

    void ITimerHandler.OnTimer(LoopTimer timer) => _completion.TryComplete(new ConnectAnswer(ConnectAnswerKind.TimedOut, 0));
}

/// <summary>What came of a CONNECT.</summary>
/// <param name="Kind">Whether there was an answer.</param>
/// <param name="Status">The HTTP status, 0 without one.</param>
internal readonly record struct ConnectAnswer(ConnectAnswerKind Kind, int Status);

/// <summary>How the wait for an answer ended.</summary>
internal enum ConnectAnswerKind
{
    Answered,

    /// <summary>The peer reset the stream.</summary>
    Aborted,

    /// <summary>The peer did nothing about the stream, so it may be tried anew (RFC 9113 §8.7).</summary>
    Refused,

    /// <summary>
    /// The tunnel is gone, or full, and nothing of the stream can have reached the peer: it may be tried anew (RFC 9113 §8.7).
    /// </summary>
    Unsent,

    /// <summary>The tunnel is gone; <see cref="TunnelConnection.StreamEnd"/> says why.</summary>
    TunnelLost,
    TimedOut,
}

/// <summary>The status codes of HBONE (reference: 200 after policy and connect, 400, 401, 503).</summary>
internal static class ConnectStatusCode
{
    public const int Ok = 200;
    public const int BadRequest = 400;
    public const int Denied = 401;
    public const int Unavailable = 503;

    /// <summary>The three digits of <c>:status</c>, or 0 when there are none.</summary>
    public static int Parse(HeaderList headers)
    {
        if (!headers.TryGet(":status"u8, out ReadOnlySpan<byte> value) || value.Length != 3)
        {
            return 0;
        }

        int status = 0;
        foreach (byte digit in value)
        {
            if (digit is < (byte)'0' or > (byte)'9')
            {
                return 0;
            }

            status = (status * 10) + (digit - '0');
        }

        return status;
    }
}
