using System.Runtime.Versioning;
using Mesh.Cni.Contract;
using Mesh.Interop.Linux;
using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;

namespace Mesh.Node.Capture.Cni;

/// <summary>
/// Listens for the CNI plug-in: one connection, one request, one answer. Only root is heard: who else could reach the socket has no say
/// in which namespaces are entered.
/// </summary>
internal sealed class CniServer(CniOptions options, CniRequests requests, ILogger logger)
{
    private const int Backlog = 128;

    /// <summary>Pods that may be waiting at once. A node has fewer; what is beyond is asked to try again.</summary>
    private const int SessionsMax = 512;

    private const UnixFileMode OthersMode =
        UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute
        | UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;

    // A plug-in writes its request at once and waits for the answer.
    private static readonly TimeSpan s_messageLimit = TimeSpan.FromSeconds(5);

    // When descriptors are used up, for instance.
    private static readonly TimeSpan s_acceptPause = TimeSpan.FromMilliseconds(200);

    private int _sessions;

    /// <summary>Listens until cancelled. Requests under way are given up then, and their plug-ins ask to be tried again.</summary>
    /// <exception cref="CaptureException">The socket cannot be listened on.</exception>
    public async Task RunAsync(CancellationToken cancellation)
    {
        using SeqPacketSocket listener = Listen();
        TaskCompletionSource ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
        var thread = new Thread(() => AcceptAll(listener, ended, cancellation)) { IsBackground = true, Name = "cni-accept" };
        thread.Start();
        using (cancellation.Register(listener.Dispose))
        {
            await ended.Task;
        }
    }

    private SeqPacketSocket Listen()
    {
        string directory = Path.GetDirectoryName(Path.GetFullPath(options.SocketPath)) ?? "/";
        try
        {
            if (!OperatingSystem.IsWindows())
            {
                MakeOwn(directory);
            }

            return SeqPacketSocket.Listen(options.SocketPath, Backlog);
        }
        catch (Exception refused) when (refused is PosixException or ArgumentException or IOException or UnauthorizedAccessException)
        {
            throw new CaptureException($"cni.socketPath cannot be listened on: {refused.Message}", refused);
        }
    }

    [UnsupportedOSPlatform("windows")]
    private static void MakeOwn(string directory)
    {
        if (!Directory.Exists(directory))
        {
            Directory.CreateDirectory(directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }

        // One that is there may be others' too, so its mode is not ours to change.
        if ((File.GetUnixFileMode(directory) & OthersMode) != 0)
        {
            throw new CaptureException($"cni.socketPath: {directory} must be for its owner alone (mode 0700), and the socket's own.");
        }
    }

    private void AcceptAll(SeqPacketSocket listener, TaskCompletionSource ended, CancellationToken cancellation)
    {
        try
        {
            while (!cancellation.IsCancellationRequested)
            {
                SysResult accepted = listener.Accept(Timeout.InfiniteTimeSpan, out SeqPacketSocket? socket);
                if (socket is not null)
                {
                    _ = ServeAsync(socket, cancellation);
                }
                else if (!cancellation.IsCancellationRequested)
                {
                    Log.AcceptFailed(logger, options.SocketPath, accepted.Error.ToString());
                    cancellation.WaitHandle.WaitOne(s_acceptPause);
                }
            }
        }
        catch (ObjectDisposedException)
        {
            // The listener is closed when the process ends.
        }
        finally
        {
            ended.SetResult();
        }
    }

    private async Task ServeAsync(SeqPacketSocket socket, CancellationToken cancellation)
    {
        // Not on the thread that accepts.
        await Task.Yield();
        using (socket)
        {
            int sessions = Interlocked.Increment(ref _sessions);
            try
            {
                CniAnswer? answer = sessions > SessionsMax
                    ? CniAnswer.Failure(CniErrorCode.TryAgainLater, "Too many pods start at once on this node: try again later.")
                    : await AnswerAsync(socket, cancellation);
                if (answer is not null)
                {
                    socket.Send(CniMessages.Encode(answer), null, s_messageLimit);
                }
            }
            catch (OperationCanceledException)
            {
                // The plug-in sees the connection close, and says so.
            }
            catch (Exception fault)
            {
                // Of one request. The plug-in is told nothing, and the pod does not start.
                Log.RequestFailed(logger, fault);
            }
            finally
            {
                Interlocked.Decrement(ref _sessions);
            }
        }
    }

    private async Task<CniAnswer?> AnswerAsync(SeqPacketSocket socket, CancellationToken cancellation)
    {
        PeerCredentials peer = socket.Peer;
        if (peer.UserId != 0)
        {
            Log.StrangerRefused(logger, peer.ProcessId, peer.UserId);
            return null;
        }

        byte[] buffer = new byte[CniMessages.RequestBytesMax];
        SysResult received = socket.Receive(buffer, out SafeFileHandle? surplus, s_messageLimit);
        surplus?.Dispose();
        if (!received.Ok || received.Count == 0)
        {
            Log.RequestRefused(logger, received.Ok ? "nothing was sent" : received.Error.ToString());
            return null;
        }

        CniRequest request;
        try
        {
            request = CniMessages.DecodeRequest(buffer.AsSpan(0, received.Count));
        }
        catch (CniMessageException malformed)
        {
            Log.RequestRefused(logger, malformed.Message);
            return CniAnswer.Failure(CniErrorCode.Undecodable, "The agent of the mesh does not understand mesh-cni.", malformed.Message);
        }

        return await requests.AnswerAsync(request, cancellation);
    }
}
