using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Xunit;

namespace Mesh.Node.Transport.Tests.Connections;

/// <summary>Two pipes that are told the same, at random, and must answer alike.</summary>
internal sealed class PairOfPipes(PipeUse ours, PipeUse theirs, Random random)
{
    private byte _next;

    public void Step()
    {
        switch (random.Next(12))
        {
            case 0 or 1 or 2:
                byte[] piece = new byte[random.Next(3) == 0 ? random.Next(20_000) : random.Next(200)];
                for (int i = 0; i < piece.Length; i++)
                {
                    piece[i] = _next++;
                }

                Both(use => use.Write(piece));
                break;
            case 3 or 4 or 5:
                Both(use => use.Flush());
                break;
            case 6 or 7 or 8:
                // How much of what there is: none, all of it, or some.
                double consumed = random.Next(3) switch { 0 => 0, 1 => 1, _ => random.NextDouble() };
                double examined = random.Next(2) == 0 ? 1 : consumed;
                Both(use => use.TryRead(consumed, examined));
                break;
            case 9:
                Both(use => use.BeginRead());
                break;
            case 10:
                Both(use => use.EndRead());
                break;
            case 11 when random.Next(8) == 0:
                Both(use => use.CancelRead());
                break;
        }
    }

    /// <summary>Ends both, either end first and well or not.</summary>
    public void Finish()
    {
        Exception? fault = random.Next(2) == 0 ? null : new InvalidDataException("on purpose");
        if (random.Next(2) == 0)
        {
            Both(use => use.CompleteWriter(fault));
            Both(use => use.EndRead());
            Both(use => use.TryRead(1, 1));
            Both(use => use.CompleteReader());
        }
        else
        {
            Both(use => use.CompleteReader());
            Both(use => use.Write(new byte[100]));
            Both(use => use.Flush());
            Both(use => use.CompleteWriter(fault));
        }
    }

    private void Both(Func<PipeUse, string> action) => Assert.Equal(action(theirs), action(ours));
}

#pragma warning disable CA2012, VSTHRD002 // Stepped by hand: a result is taken once it is there, and waits are kept until then.
/// <summary>One pipe, and what it has answered so far.</summary>
internal sealed class PipeUse(PipeReader reader, PipeWriter writer)
{
    private ValueTaskAwaiter<ReadResult>? _read;
    private ValueTaskAwaiter<FlushResult>? _flush;
    private bool _isResumed;
    private long _examinedBytes;

    public string Write(byte[] piece)
    {
        writer.Write(piece);
        return $"{writer.UnflushedBytes}";
    }

    public string Flush()
    {
        if (_flush is ValueTaskAwaiter<FlushResult> pending)
        {
            if (!pending.IsCompleted)
            {
                return "still full";
            }

            _flush = null;
            pending.GetResult();
        }

        ValueTaskAwaiter<FlushResult> flush = writer.FlushAsync().GetAwaiter();
        if (!flush.IsCompleted)
        {
            _flush = flush;
            return "full";
        }

        FlushResult result = flush.GetResult();
        return $"flushed {result.IsCanceled} {result.IsCompleted}";
    }

    public string TryRead(double consumed, double examined)
    {
        if (_read is not null)
        {
            return "is reading";
        }

        try
        {
            return reader.TryRead(out ReadResult result) ? Take(result, consumed, examined) : "nothing";
        }
        catch (InvalidDataException fault)
        {
            return fault.Message;
        }
    }

    public string BeginRead()
    {
        if (_read is not null)
        {
            return "is reading";
        }

        ValueTaskAwaiter<ReadResult> read = reader.ReadAsync().GetAwaiter();
        if (read.IsCompleted)
        {
            return Take(read.GetResult(), 0.5, 1);
        }

        _isResumed = false;
        read.UnsafeOnCompleted(() => _isResumed = true);
        _read = read;
        return "waits";
    }

    public string EndRead()
    {
        if (_read is not ValueTaskAwaiter<ReadResult> read || !_isResumed)
        {
            return $"waits {_read is not null} {_isResumed}";
        }

        _read = null;
        try
        {
            return Take(read.GetResult(), 1, 1);
        }
        catch (InvalidDataException fault)
        {
            return fault.Message;
        }
    }

    public string CancelRead()
    {
        reader.CancelPendingRead();
        return "";
    }

    public string CompleteReader()
    {
        reader.Complete();
        return "";
    }

    public string CompleteWriter(Exception? fault)
    {
        writer.Complete(fault);
        return "";
    }

    private string Take(ReadResult result, double consumed, double examined)
    {
        ReadOnlySequence<byte> buffer = result.Buffer;
        long consumedBytes = (long)(buffer.Length * consumed);

        // What was examined stays so: that a reader takes it back the runtime's pipe knows of in TryRead alone.
        long examinedBytes = Math.Max(_examinedBytes, (long)(buffer.Length * Math.Max(consumed, examined)));
        _examinedBytes = examinedBytes - consumedBytes;
        string text = $"{result.IsCanceled} {result.IsCompleted} {Convert.ToHexString(buffer.ToArray())}";
        reader.AdvanceTo(buffer.GetPosition(consumedBytes), buffer.GetPosition(examinedBytes));
        return text;
    }
}
