using System.Text;
using Mesh.Node.Protocols.Sniffing;

namespace Mesh.Node.Proxy.Http.Detection;

/// <summary>Decides by the bytes a connection begins with, as they come. One connection's.</summary>
internal sealed class FirstBytes
{
    private ClientHelloReader? _hellos;

    /// <summary>What to say when nothing more comes.</summary>
    public PeekResult SoFar { get; private set; } = PeekResult.Undecided(PeekOutcome.Silent);

    /// <summary>Nothing more comes.</summary>
    public void End(PeekOutcome outcome) => SoFar = PeekResult.Undecided(outcome);

    /// <summary>Looks at all that has come, at least a byte. False while more may come and would matter.</summary>
    public bool TryDecide(ReadOnlySpan<byte> first)
    {
        SniffedProtocol protocol = ProtocolSniffer.Sniff(first);
        if (protocol == SniffedProtocol.NeedMore)
        {
            // A client that begins and does not go on is none whose protocol we know, nor do we know whether it names a server.
            SoFar = PeekResult.Undecided(PeekOutcome.Decided);
            return false;
        }

        if (protocol != SniffedProtocol.Tls)
        {
            SoFar = new PeekResult(PeekOutcome.Decided, protocol, ServerName: "");
            return true;
        }

        _hellos ??= new ClientHelloReader();
        ClientHelloStatus status = _hellos.Read(first, out ClientHello hello);
        SoFar = new PeekResult(
            PeekOutcome.Decided,
            protocol,
            status == ClientHelloStatus.Complete ? Encoding.ASCII.GetString(hello.ServerName).ToLowerInvariant() : null);
        return status != ClientHelloStatus.NeedMore;
    }
}
