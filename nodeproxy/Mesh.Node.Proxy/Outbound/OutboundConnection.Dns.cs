using Mesh.Node.Proxy.Lookups;
using Mesh.Node.Proxy.Telemetry;

namespace Mesh.Node.Proxy.Outbound;

/// <summary>The way of a connection to a DNS server: what is asked about names of the mesh is answered here.</summary>
internal sealed partial class OutboundConnection
{
    private DnsStream? _dns;

    /// <summary>It was captured as one to a DNS server.</summary>
    public bool AsksForNames { get; init; }

    /// <returns>False when it is to go on to the server; true when it has ended.</returns>
    private async ValueTask<bool> TryAnswerAsync()
    {
        if (!AsksForNames)
        {
            return false;
        }

        _dns = new DnsStream(Context, Pod, _client);
        DnsStreamEnd end = await _dns.ServeAsync();
        _dns = null;
        if (end == DnsStreamEnd.Finished)
        {
            Record.TryEnd(CloseReason.Completed);
            _client.Close();
        }
        else if (end == DnsStreamEnd.Broken)
        {
            Record.TryEnd(CloseReason.ClientReset);
        }

        return Record.Reason != CloseReason.None;
    }
}
