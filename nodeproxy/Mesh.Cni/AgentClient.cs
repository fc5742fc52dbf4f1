using System.Globalization;
using System.Net.Sockets;
using Mesh.Cni.Contract;

namespace Mesh.Cni;

/// <summary>Asks the agent of this node over its unix socket.</summary>
internal static class AgentClient
{
    /// <summary>One question and its answer.</summary>
    /// <param name="options">Where the agent is, and how long to wait for it.</param>
    /// <param name="request">The question.</param>
    /// <param name="clock">Measures the wait, which is bounded as a whole: connecting, asking and hearing together.</param>
    /// <param name="obstacle">Why there is no answer; empty when there is.</param>
    /// <returns>The answer; null when nobody is there, or no answer came in time.</returns>
    /// <exception cref="CniException">What came back is no answer.</exception>
    public static CniAnswer? Ask(PluginOptions options, CniRequest request, TimeProvider clock, out string obstacle)
    {
        try
        {
            byte[] message = CniMessages.Encode(request);
            long start = clock.GetTimestamp();
            using Socket socket = new(AddressFamily.Unix, SocketType.Seqpacket, ProtocolType.Unspecified);

            // Also bounds connecting, where the agent's backlog is full (unix(7), socket(7)).
            socket.SendTimeout = RemainingMs(options, clock, start);
            socket.Connect(new UnixDomainSocketEndPoint(options.SocketPath));
            socket.SendTimeout = RemainingMs(options, clock, start);
            socket.Send(message);
            socket.ReceiveTimeout = RemainingMs(options, clock, start);

            // One byte more than an answer may have: what fills it is too long.
            byte[] answer = new byte[CniMessages.AnswerBytesMax + 1];
            int length = socket.Receive(answer);
            obstacle = length == 0 ? "the agent closed the connection without an answer" : "";
            return length == 0 ? null : CniMessages.DecodeAnswer(answer.AsSpan(0, length));
        }
        catch (SocketException away)
        {
            obstacle = away.SocketErrorCode switch
            {
                // The system's ENOENT.
                SocketError.AddressNotAvailable => "there is no such socket",
                SocketError.ConnectionRefused => "nobody listens there",
                SocketError.TimedOut or SocketError.WouldBlock =>
                    string.Create(CultureInfo.InvariantCulture, $"no answer within {options.TimeoutSeconds} s"),
                _ => away.Message,
            };
            return null;
        }
        catch (ArgumentException wrong)
        {
            // The end point's constructor on paths that are empty or too long.
            throw new CniException(
                CniErrorCode.InvalidConfiguration, $"{PluginOptions.Key}.socketPath cannot be a socket's path.", wrong.Message);
        }
        catch (CniMessageException malformed)
        {
            throw new CniException(
                CniErrorCode.Undecodable, "mesh-cni and the agent of the mesh do not understand each other.", malformed.Message);
        }
    }
    /// <summary>What is left of the wait, at least 1: a socket takes 0 for no limit.</summary>
    /// <exception cref="SocketException">Nothing is left.</exception>
    private static int RemainingMs(PluginOptions options, TimeProvider clock, long start)
    {
        double leftMs = (options.TimeoutSeconds * 1000.0) - clock.GetElapsedTime(start).TotalMilliseconds;
        return leftMs >= 1 ? (int)leftMs : throw new SocketException((int)SocketError.TimedOut);
    }
}
