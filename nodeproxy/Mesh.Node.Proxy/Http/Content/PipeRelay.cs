using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http1;
using Microsoft.AspNetCore.Connections;

namespace Mesh.Node.Proxy.Http.Content;

/// <summary>Carries bytes between two connections of the seam, each direction to its own end. What breaks one side breaks both.</summary>
internal sealed class PipeRelay(ConnectionContext client, ConnectionContext upstream, Http1Options options)
{
    private readonly Http1ContentReader _fromClient = new(new Http1Input(client.Transport.Input), options);
    private readonly Http1ContentReader _fromUpstream = new(new Http1Input(upstream.Transport.Input), options);

    /// <summary>Bytes carried from the client to the upstream.</summary>
    public long SentBytes => _fromClient.ContentBytes;

    /// <summary>Bytes carried from the upstream to the client.</summary>
    public long ReceivedBytes => _fromUpstream.ContentBytes;

    /// <summary>Carries until both directions have ended, and lets both connections go.</summary>
    /// <returns>The first side that broke; completed when none did.</returns>
    public async ValueTask<PipeRelayEnd> RunAsync()
    {
        PipeRelayEnd end = PipeRelayEnd.Completed;
        Task sending = CarryAsync(_fromClient, upstream, PipeRelayEnd.ClientBroken, PipeRelayEnd.UpstreamBroken);
        await CarryAsync(_fromUpstream, client, PipeRelayEnd.UpstreamBroken, PipeRelayEnd.ClientBroken);
        await sending;
        await client.DisposeAsync();
        await upstream.DisposeAsync();
        return end;

        async Task CarryAsync(Http1ContentReader reader, ConnectionContext to, PipeRelayEnd ofReader, PipeRelayEnd ofWriter)
        {
            var writer = new Http1ContentWriter(to.Transport.Output);
            reader.Begin(BodyFraming.Tunnel);
            writer.Begin(BodyFraming.Tunnel);
            CopyEnd copied = await ContentCopy.CopyAsync(reader, writer);
            if (copied != CopyEnd.Completed)
            {
                end = end != PipeRelayEnd.Completed ? end : copied == CopyEnd.WriterGone ? ofWriter : ofReader;
                client.Abort();
                upstream.Abort();
            }
        }
    }
}

/// <summary>How a relay between pipes ended.</summary>
internal enum PipeRelayEnd
{
    Completed,
    ClientBroken,
    UpstreamBroken,
}
