using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Mesh.Node.Transport.EventLoops;

namespace Mesh.Node.Proxy.Http.Content;

/// <summary>What arrives on an HTTP/1 connection. A connection that breaks is an outcome here, not an exception.</summary>
internal sealed class Http1Input(PipeReader pipe)
{
    /// <summary>Takes what is there and was not examined yet; false when there is nothing new.</summary>
    public bool TryRead(out InputRead read)
    {
        try
        {
            if (!pipe.TryRead(out ReadResult result))
            {
                read = default;
                return false;
            }

            read = Describe(result);
        }
#pragma warning disable CA1031 // Whatever the transport completed the pipe with: it is gone.
        catch (Exception)
#pragma warning restore CA1031
        {
            read = new InputRead(InputStatus.Broken, default);
        }

        return true;
    }

    /// <summary>Takes what is there and was not examined yet, or waits for it.</summary>
    [AsyncMethodBuilder(typeof(LoopTaskBuilder<>))]
    public async ValueTask<InputRead> ReadAsync()
    {
        try
        {
            return Describe(await pipe.ReadAsync());
        }
#pragma warning disable CA1031 // As above.
        catch (Exception)
#pragma warning restore CA1031
        {
            return new InputRead(InputStatus.Broken, default);
        }
    }

    /// <summary>Lets go of what was consumed; the rest is offered again at once.</summary>
    public void AdvanceTo(SequencePosition consumed) => pipe.AdvanceTo(consumed);

    /// <summary>Lets go of what was consumed; the rest is offered again when there is more.</summary>
    public void AdvanceTo(SequencePosition consumed, SequencePosition examined) => pipe.AdvanceTo(consumed, examined);

    /// <summary>Ends a wait that is pending, or else the next.</summary>
    public void CancelRead() => pipe.CancelPendingRead();

    private static InputRead Describe(ReadResult result) => new(
        result.IsCanceled ? InputStatus.Cancelled : result.IsCompleted ? InputStatus.Ended : InputStatus.Open, result.Buffer);
}

/// <summary>What a read of a connection came to.</summary>
/// <param name="Status">Whether more may come.</param>
/// <param name="Buffer">What is there. Empty and not to be advanced past when the connection is broken.</param>
internal readonly record struct InputRead(InputStatus Status, ReadOnlySequence<byte> Buffer);

/// <inheritdoc cref="InputRead"/>
internal enum InputStatus
{
    /// <summary>More may come.</summary>
    Open,

    /// <summary>The other side has finished sending: what is there is the last.</summary>
    Ended,

    /// <summary>The connection is gone.</summary>
    Broken,

    /// <summary>The wait was given up.</summary>
    Cancelled,
}
