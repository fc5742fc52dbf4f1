using System.Runtime.CompilerServices;
using Mesh.Api.Identity;
using Mesh.Node.Model.Workloads;

namespace Mesh.Node.Proxy.Telemetry.Metrics;

/// <summary>Finds the series of a connection by the objects it refers to, without hashing a single label.</summary>
/// <remarks>
/// Workloads, services and identities are immutable and shared, so the same references mean the same labels. Direct-mapped: a collision
/// only costs the way through <see cref="TcpSeriesCatalog"/>. Owned by: one loop.
/// </remarks>
internal sealed class TcpSeriesCache(TcpSeriesCatalog catalog, int loopIndex)
{
    private const int Slots = 512;

    private readonly Slot[] _slots = new Slot[Slots];

    /// <summary>The cell to count <paramref name="record"/> in, as one of the two reporters sees it.</summary>
    public TcpCell Find(ConnectionRecord record, bool isSourceReporter)
    {
        Reference reference = new(
            record.Source,
            record.DestinationWorkload,
            record.Service,
            record.SourceIdentity,
            record.DestinationIdentity,
            record.Path,
            isSourceReporter,
            record.IsMutualTls);
        ref Slot slot = ref _slots[reference.Hash() & (Slots - 1)];

        // Read before the catalog is asked: a removal meanwhile makes the slot old at once instead of never.
        int generation = catalog.Generation;
        if (slot.Cell is TcpCell cell && slot.Generation == generation && slot.Reference.IsSame(reference))
        {
            return cell;
        }

        TcpCell found = catalog.Resolve(record, isSourceReporter).Cell(loopIndex);
        slot = new Slot(reference, generation, found);
        return found;
    }

    private readonly record struct Slot(Reference Reference, int Generation, TcpCell? Cell);

    private readonly struct Reference(
        Workload? source,
        Workload? destination,
        Service? service,
        SpiffeId? sourceIdentity,
        SpiffeId? destinationIdentity,
        ConnectionPath path,
        bool isSourceReporter,
        bool isMutualTls)
    {
        private readonly Workload? _source = source;
        private readonly Workload? _destination = destination;
        private readonly Service? _service = service;
        private readonly SpiffeId? _sourceIdentity = sourceIdentity;
        private readonly SpiffeId? _destinationIdentity = destinationIdentity;
        private readonly ConnectionPath _path = path;
        private readonly bool _isSourceReporter = isSourceReporter;
        private readonly bool _isMutualTls = isMutualTls;

        public int Hash()
        {
            int hash = _isSourceReporter ? 1 : 0;
            hash = (hash * 31) + RuntimeHelpers.GetHashCode(_source);
            hash = (hash * 31) + RuntimeHelpers.GetHashCode(_destination);
            hash = (hash * 31) + RuntimeHelpers.GetHashCode(_service);
            hash = (hash * 31) + (_isMutualTls ? 1 : 0);
            return hash ^ (hash >> 15);
        }

        public bool IsSame(in Reference other) =>
            ReferenceEquals(_source, other._source)
            && ReferenceEquals(_destination, other._destination)
            && ReferenceEquals(_service, other._service)
            && _path == other._path
            && _isSourceReporter == other._isSourceReporter
            && _isMutualTls == other._isMutualTls
            && IsSame(_sourceIdentity, other._sourceIdentity)
            && IsSame(_destinationIdentity, other._destinationIdentity);

        // Every handshake makes an identity of its own, equal to the last one of that peer.
        private static bool IsSame(SpiffeId? left, SpiffeId? right) =>
            ReferenceEquals(left, right) || (left is not null && left.Equals(right));
    }
}
