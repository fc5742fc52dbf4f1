using System.Numerics;

namespace Mesh.Node.Protocols.Http2.Streams;

/// <summary>How the streams that closed last were closed, so that late frames are judged as RFC 9113 §5.1 says.</summary>
/// <remarks>
/// A fixed number of them: a stream that is forgotten is answered with RST_STREAM, which is right in every case and harms nobody.
/// </remarks>
internal sealed class ClosedStreams(int countMax)
{
    private readonly Entry[] _entries = new Entry[BitOperations.RoundUpToPowerOf2((uint)Math.Max(countMax, 16))];

    public void Remember(int streamId, StreamEnding ending) =>
        _entries[Slot(streamId)] = new Entry(streamId, ending);

    /// <summary>Says how a stream that is not open any more was closed.</summary>
    /// <param name="streamId">The stream.</param>
    /// <param name="lastStreamId">The last stream its side opened.</param>
    public StreamEnding Recall(int streamId, int lastStreamId)
    {
        Entry entry = _entries[Slot(streamId)];
        if (entry.StreamId == streamId)
        {
            return entry.Ending;
        }

        // Only a stream a whole turn of the table later could have taken the place of this one.
        return lastStreamId - streamId < 2 * _entries.Length ? StreamEnding.Skipped : StreamEnding.Forgotten;
    }

    // Identifiers of one side are all odd or all even: the lowest bit says nothing.
    private int Slot(int streamId) => (streamId >> 1) & (_entries.Length - 1);

    private readonly record struct Entry(int StreamId, StreamEnding Ending);
}
