using System.Net.Sockets;
using System.Numerics;
using System.Runtime.InteropServices;

namespace Mesh.EndToEnd.Support;

/// <summary>
/// Bytes to be carried and the checksum (CRC-32C) of them. They repeat after a length that shares no factor with any buffer's, so bytes
/// that
/// are lost, doubled or swapped change the checksum.
/// </summary>
internal static class Pattern
{
    private const int PeriodBytes = (1 << 20) + 7;
    private const int ChunkBytes = 128 * 1024;

    public static async Task<uint> SendAsync(Socket socket, long bytes, int seed)
    {
        byte[] period = new byte[PeriodBytes];
        new Random(seed).NextBytes(period);
        var checksum = new Checksum();
        int position = 0;
        while (bytes > 0)
        {
            ReadOnlyMemory<byte> chunk = period.AsMemory(position, (int)Math.Min(Math.Min(bytes, ChunkBytes), PeriodBytes - position));
            await socket.SendAllAsync(chunk);
            checksum.Add(chunk.Span);
            bytes -= chunk.Length;
            position = (position + chunk.Length) % PeriodBytes;
        }

        return checksum.Value;
    }

    /// <exception cref="EndOfStreamException">The sender ended before.</exception>
    public static async Task<uint> ReceiveAsync(Socket socket, long bytes)
    {
        byte[] buffer = new byte[ChunkBytes];
        var checksum = new Checksum();
        while (bytes > 0)
        {
            int count = await socket.ReceiveAsync(buffer.AsMemory(0, (int)Math.Min(bytes, ChunkBytes)));
            if (count == 0)
            {
                throw new EndOfStreamException($"The connection ended {bytes} bytes early.");
            }

            checksum.Add(buffer.AsSpan(0, count));
            bytes -= count;
        }

        return checksum.Value;
    }

    /// <summary>Sends until nothing more is taken: everything between this socket and a reader that does not read is full.</summary>
    /// <returns>How much was taken.</returns>
    public static async Task<long> SendUntilBlockedAsync(Socket socket)
    {
        byte[] chunk = new byte[ChunkBytes];
        long taken = 0;
        while (true)
        {
            using var patience = new CancellationTokenSource(TimeSpan.FromMilliseconds(300));
            try
            {
                taken += await socket.SendAsync(chunk, patience.Token);
            }
            catch (OperationCanceledException)
            {
                return taken;
            }
        }
    }

    /// <summary>CRC-32C of bytes that come in pieces of any length.</summary>
    private sealed class Checksum
    {
        private uint _state = uint.MaxValue;

        public uint Value => ~_state;

        public void Add(ReadOnlySpan<byte> bytes)
        {
            uint state = _state;
            int wordBytes = bytes.Length & ~7;
            foreach (ulong word in MemoryMarshal.Cast<byte, ulong>(bytes[..wordBytes]))
            {
                state = BitOperations.Crc32C(state, word);
            }

            foreach (byte last in bytes[wordBytes..])
            {
                state = BitOperations.Crc32C(state, last);
            }

            _state = state;
        }
    }
}
