using System.Net.Sockets;
using Mesh.Interop.Linux;
using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;

namespace Mesh.Node.Proxy.Succession;

/// <summary>
/// Asks the proxy before this one for listening sockets, and for the admin ports. Where there is none, or it does not answer well, there
/// are none.
/// </summary>
/// <param name="path">Where that proxy listens.</param>
/// <param name="logger">Where it is told what went wrong.</param>
/// <remarks>Keeps the connection over which the admin ports were lent: its end gives them back.</remarks>
public sealed class ListenerTaker(string path, ILogger logger) : IListenerSource, IPortHolder, IDisposable
{
    private static readonly TimeSpan s_answerTimeout = TimeSpan.FromSeconds(2);

    /// <summary>Requests under way at the ports have a moment to end before they are closed.</summary>
    private static readonly TimeSpan s_releaseTimeout = TimeSpan.FromSeconds(10);

    private SeqPacketSocket? _lender;

    /// <inheritdoc/>
    public IReadOnlyList<PodListener> Take((ulong Device, ulong Inode) network)
    {
        if (!SeqPacketSocket.Connect(path, out SeqPacketSocket? predecessor).Ok)
        {
            return [];
        }

        List<PodListener> taken = [];
        using (predecessor)
        {
            string? failure = !predecessor!.Peer.IsThisUser ? "it runs as another user"
                : !predecessor.Send(ListenerMessages.Ask(network), null, s_answerTimeout).Ok ? "it takes no message"
                : Receive(predecessor, taken);
            if (failure is null)
            {
                return taken;
            }

            Log.ListenersNotTaken(logger, path, failure);
        }

        taken.ForEach(listener => listener.Socket.Dispose());
        return [];
    }

    /// <inheritdoc/>
    public bool TryReleasePorts()
    {
        if (!SeqPacketSocket.Connect(path, out SeqPacketSocket? predecessor).Ok)
        {
            return false;
        }

        if (!TryRelease(predecessor!))
        {
            predecessor!.Dispose();
            return false;
        }

        _lender?.Dispose();
        _lender = predecessor;
        return true;
    }

    /// <summary>Gives back what was lent, if anything was: the ports are to be closed by then.</summary>
    public void Dispose() => _lender?.Dispose();

    private static bool TryRelease(SeqPacketSocket predecessor)
    {
        if (!predecessor.Peer.IsThisUser || !predecessor.Send(ListenerMessages.Release(), null, s_answerTimeout).Ok)
        {
            return false;
        }

        byte[] message = new byte[ListenerMessages.BytesMax];
        SysResult received = predecessor.Receive(message, out SafeFileHandle? surplus, s_releaseTimeout);
        surplus?.Dispose();
        return received.Ok && ListenerMessages.TryReadDone(message.AsSpan(0, received.Count), out int count) && count == 0;
    }

    /// <returns>What is wrong; null when everything that was announced has come.</returns>
    private static string? Receive(SeqPacketSocket predecessor, List<PodListener> taken)
    {
        byte[] message = new byte[ListenerMessages.BytesMax];
        while (taken.Count <= ListenerMessages.ListenersMax)
        {
            SysResult received = predecessor.Receive(message, out SafeFileHandle? descriptor, s_answerTimeout);
            using (descriptor)
            {
                if (!received.Ok || received.Count == 0)
                {
                    return received.Ok ? "it ended inside its answer" : received.Error.ToString();
                }

                ReadOnlySpan<byte> said = message.AsSpan(0, received.Count);
                if (ListenerMessages.TryReadDone(said, out int count))
                {
                    return count == taken.Count && descriptor is null ? null : "it announces other listeners than came";
                }

                if (descriptor is null || !ListenerMessages.TryReadListener(said, out AddressFamily family, out ushort port))
                {
                    return "what it says is not understood";
                }

                SysResult adopted = Sockets.TryAdoptListener(descriptor, out SocketHandle? socket);
                if (!adopted.Ok)
                {
                    return $"what came for port {port} cannot be used: {adopted.Error}";
                }

                taken.Add(new PodListener(port, family, socket!));
                if (socket!.Family != family || Sockets.LocalEndPoint(socket).Port != port)
                {
                    return $"what came for port {port} listens elsewhere";
                }
            }
        }

        return "it has more listeners than a pod has";
    }
}
