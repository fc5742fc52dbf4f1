using Mesh.Node.Transport.Channels;

namespace Mesh.Node.Transport.Relay;

/// <summary>One channel of a relay: readable drives the direction away from it, writable the direction towards it.</summary>
internal sealed class RelaySide(ChannelRelay relay, ByteChannel channel, RelayDirection away, RelayDirection towards) : IChannelEvents
{
    public void OnReadable() => away.Pump();

    public void OnWritable() => towards.Pump();

    public void OnFault() => relay.OnChannelBroken(channel, channel.TakeError());
}
