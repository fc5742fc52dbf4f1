using Mesh.Cni.Contract;
using Mesh.Interop.Linux;

namespace Mesh.Cni.Tests;

/// <summary>Listens where an agent does, and answers each request with what the test says.</summary>
internal sealed class AgentInMiniature : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("mesh-cni-");
    private readonly SeqPacketSocket _listener;
    private readonly Thread _thread;

    /// <param name="answer">From a request to an answer's bytes; none closes the connection without one.</param>
    public AgentInMiniature(Func<CniRequest, byte[]> answer)
    {
        _listener = SeqPacketSocket.Listen(SocketPath, 4);
        _thread = new Thread(() => Serve(answer)) { IsBackground = true };
        _thread.Start();
    }

    public string SocketPath => Path.Combine(_directory.FullName, "agent.sock");

    public List<CniRequest> Requests { get; } = [];

    public void Dispose()
    {
        _listener.Dispose();
        _thread.Join();
        _directory.Delete(recursive: true);
    }

    private void Serve(Func<CniRequest, byte[]> answer)
    {
        try
        {
            ServeEach(answer);
        }
        catch (ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private void ServeEach(Func<CniRequest, byte[]> answer)
    {
        byte[] buffer = new byte[CniMessages.RequestBytesMax];
        while (_listener.Accept(Timeout.InfiniteTimeSpan, out SeqPacketSocket? socket).Ok)
        {
            using (socket)
            {
                SysResult received = socket!.Receive(buffer, out _, TimeSpan.FromSeconds(20));
                if (received.Count <= 0)
                {
                    // Who asked has given up before it said what.
                    continue;
                }

                CniRequest request = CniMessages.DecodeRequest(buffer.AsSpan(0, received.Count));
                Requests.Add(request);
                byte[] message = answer(request);
                if (message.Length > 0)
                {
                    socket.Send(message, null, TimeSpan.FromSeconds(20));
                }
            }
        }
    }
}
