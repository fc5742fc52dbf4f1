using Mesh.Interop.Linux;
using Mesh.Interop.OpenSsl;

namespace Mesh.Testing.Tls;

/// <summary>
/// A wire between two sessions, in memory: each end is the transport of one. It holds a bounded number of bytes each way, as a socket
/// does, and can be made narrow, cut, broken or polluted. Not thread-safe; both sessions run on the test's thread.
/// </summary>
public sealed class MemoryTlsLink
{
    /// <summary>Makes a wire that holds <paramref name="capacityBytes"/> each way.</summary>
    public MemoryTlsLink(int capacityBytes = 256 * 1024)
    {
        Lane toServer = new(capacityBytes);
        Lane toClient = new(capacityBytes);
        Client = new End(toClient, toServer);
        Server = new End(toServer, toClient);
    }

    /// <summary>The client's end.</summary>
    public End Client { get; }

    /// <summary>The server's end.</summary>
    public End Server { get; }

    /// <summary>One end: what one session calls its transport.</summary>
    public sealed class End : ITlsIo
    {
        private readonly Lane _incoming;
        private readonly Lane _outgoing;

        internal End(Lane incoming, Lane outgoing)
        {
            _incoming = incoming;
            _outgoing = outgoing;
        }

        /// <summary>At most this many bytes come with each receive.</summary>
        public int ReceiveBytesMax { get; set; } = int.MaxValue;

        /// <summary>At most this many bytes are taken by each send.</summary>
        public int SendBytesMax { get; set; } = int.MaxValue;

        /// <summary>When set, every receive fails so, once what has arrived is read.</summary>
        public Errno ReceiveError { get; set; }

        /// <summary>When set, every send fails so.</summary>
        public Errno SendError { get; set; }

        /// <summary>When set, thrown by every receive.</summary>
        public Exception? ReceiveThrows { get; set; }

        /// <summary>How often the session has asked for bytes.</summary>
        public int Receives { get; private set; }

        /// <summary>How often the session has offered bytes.</summary>
        public int Sends { get; private set; }

        /// <summary>Bytes on their way to this end.</summary>
        public int IncomingBytes => _incoming.Count;

        /// <inheritdoc/>
        public SysResult Receive(Span<byte> destination)
        {
            Receives++;
            if (ReceiveThrows is not null)
            {
                throw ReceiveThrows;
            }

            int bytes = _incoming.Take(destination[..Math.Min(destination.Length, ReceiveBytesMax)]);
            if (bytes > 0)
            {
                return SysResult.Success(bytes);
            }

            if (ReceiveError != Errno.None)
            {
                return SysResult.Failure(ReceiveError);
            }

            return _incoming.HasEnded ? SysResult.Success() : SysResult.Failure(Errno.EAGAIN);
        }

        /// <inheritdoc/>
        public SysResult Send(ReadOnlySpan<byte> source)
        {
            Sends++;
            if (SendError != Errno.None)
            {
                return SysResult.Failure(SendError);
            }

            int bytes = _outgoing.Put(source[..Math.Min(source.Length, SendBytesMax)]);
            return bytes > 0 ? SysResult.Success(bytes) : SysResult.Failure(Errno.EAGAIN);
        }

        /// <summary>What a FIN does: the other end reads what is under way and then the end.</summary>
        public void EndOutput() => _outgoing.HasEnded = true;

        /// <summary>Puts bytes on the wire as if this end's session had sent them.</summary>
        public void Inject(ReadOnlySpan<byte> bytes)
        {
            if (_outgoing.Put(bytes) != bytes.Length)
            {
                throw new InvalidOperationException("The wire is full.");
            }
        }

        /// <summary>Takes the last bytes on their way to this end off the wire again.</summary>
        public void TakeBack(Span<byte> bytes) => _incoming.TakeBack(bytes);

        /// <summary>Drops all but the first <paramref name="bytes"/> of what is on its way to this end.</summary>
        public void TruncateIncoming(int bytes) => _incoming.Truncate(bytes);

        /// <summary>Flips the bits of one byte on its way to this end.</summary>
        public void CorruptIncoming(int offset) => _incoming.Corrupt(offset);
    }

    internal sealed class Lane(int capacityBytes)
    {
        private readonly byte[] _bytes = new byte[capacityBytes];
        private int _start;

        internal int Count { get; private set; }

        internal bool HasEnded { get; set; }

        internal int Take(Span<byte> destination)
        {
            int bytes = Math.Min(destination.Length, Count);
            int first = Math.Min(bytes, _bytes.Length - _start);
            _bytes.AsSpan(_start, first).CopyTo(destination);
            _bytes.AsSpan(0, bytes - first).CopyTo(destination[first..]);
            _start = (_start + bytes) % _bytes.Length;
            Count -= bytes;
            return bytes;
        }

        internal int Put(ReadOnlySpan<byte> source)
        {
            int bytes = Math.Min(source.Length, _bytes.Length - Count);
            int end = (_start + Count) % _bytes.Length;
            int first = Math.Min(bytes, _bytes.Length - end);
            source[..first].CopyTo(_bytes.AsSpan(end));
            source[first..bytes].CopyTo(_bytes);
            Count += bytes;
            return bytes;
        }

        internal void TakeBack(Span<byte> destination)
        {
            int kept = Count - destination.Length;
            for (int index = 0; index < destination.Length; index++)
            {
                destination[index] = _bytes[(_start + kept + index) % _bytes.Length];
            }

            Count = kept;
        }

        internal void Truncate(int bytes) => Count = Math.Min(Count, bytes);

        internal void Corrupt(int offset) => _bytes[(_start + offset) % _bytes.Length] ^= 0xFF;
    }
}
