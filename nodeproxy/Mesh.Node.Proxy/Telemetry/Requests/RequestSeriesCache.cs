using System.Runtime.CompilerServices;
using Mesh.Api.Identity;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Proxy.Telemetry.Metrics;

namespace Mesh.Node.Proxy.Telemetry.Requests;

/// <summary>Finds the series of a request by the objects it refers to, without hashing a single label.</summary>
/// <remarks>
/// As <see cref="TcpSeriesCache"/> does for connections; a collision only costs the way through <see cref="RequestSeriesCatalog"/>.
/// Owned by: one loop.
/// </remarks>
internal sealed class RequestSeriesCache(RequestSeriesCatalog catalog, int loopIndex)
{
    private const int Slots = 1_024;

    private readonly Slot[] _slots = new Slot[Slots];

    /// <summary>The cell to count <paramref name="record"/> in, as one of the two reporters sees it.</summary>
    public RequestCell Find(RequestRecord record, bool isSourceReporter)
    {
        RequestOutcome outcome = RequestOutcome.Of(record);
        ref Slot slot = ref _slots[Hash(record, outcome, isSourceReporter) & (Slots - 1)];

        // Read before the catalog is asked: a removal meanwhile makes the slot old at once instead of never.
        int generation = catalog.Generation;
        if (slot.Cell is RequestCell cell && slot.Generation == generation && slot.IsOf(record, outcome, isSourceReporter))
        {
            return cell;
        }

        RequestCell found = catalog.Resolve(record, isSourceReporter).Cell(loopIndex);
        slot = new Slot(record, outcome, isSourceReporter, generation, found);
        return found;
    }

    private static int Hash(RequestRecord record, in RequestOutcome outcome, bool isSourceReporter)
    {
        int hash = isSourceReporter ? 1 : 0;
        hash = (hash * 31) + RuntimeHelpers.GetHashCode(record.Source);
        hash = (hash * 31) + RuntimeHelpers.GetHashCode(record.DestinationWorkload);
        hash = (hash * 31) + RuntimeHelpers.GetHashCode(record.Service);
        hash = (hash * 31) + outcome.ResponseCode;
        hash = (hash * 31) + outcome.GrpcStatus;
        hash = (hash * 31) + (int)outcome.Flags;
        return hash ^ (hash >> 15);
    }

    private readonly struct Slot(RequestRecord record, RequestOutcome outcome, bool isSourceReporter, int generation, RequestCell cell)
    {
        private readonly Workload? _source = record.Source;
        private readonly Workload? _destination = record.DestinationWorkload;
        private readonly Service? _service = record.Service;
        private readonly SpiffeId? _sourceIdentity = record.SourceIdentity;
        private readonly SpiffeId? _destinationIdentity = record.DestinationIdentity;
        private readonly RequestOutcome _outcome = outcome;
        private readonly ConnectionPath _path = record.Path;
        private readonly bool _isSourceReporter = isSourceReporter;
        private readonly bool _isMutualTls = record.IsMutualTls;

        public int Generation { get; } = generation;

        public RequestCell? Cell { get; } = cell;

        public bool IsOf(RequestRecord record, in RequestOutcome outcome, bool isSourceReporter) =>
            ReferenceEquals(_source, record.Source)
            && ReferenceEquals(_destination, record.DestinationWorkload)
            && ReferenceEquals(_service, record.Service)
            && _outcome == outcome
            && _path == record.Path
            && _isSourceReporter == isSourceReporter
            && _isMutualTls == record.IsMutualTls
            && IsSame(_sourceIdentity, record.SourceIdentity)
            && IsSame(_destinationIdentity, record.DestinationIdentity);

        // Every handshake makes an identity of its own, equal to the last one of that peer.
        private static bool IsSame(SpiffeId? left, SpiffeId? right) =>
            ReferenceEquals(left, right) || (left is not null && left.Equals(right));
    }
}
