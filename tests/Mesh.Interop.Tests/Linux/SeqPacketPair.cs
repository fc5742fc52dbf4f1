using Mesh.Interop.Linux;

namespace Mesh.Interop.Tests.Linux;

/// <summary>A listener in a directory of its own, and one connection to it.</summary>
internal sealed class SeqPacketPair : IDisposable
{
    private static readonly TimeSpan s_waitMax = TimeSpan.FromSeconds(60);

    private SeqPacketPair(string directory)
    {
        Path = System.IO.Path.Combine(directory, "socket");
        Listener = SeqPacketSocket.Listen(Path, backlog: 4);
        SeqPacketSocket.Connect(Path, out SeqPacketSocket? client).OrThrow("connect");
        Listener.Accept(s_waitMax, out SeqPacketSocket? server).OrThrow("accept");
        Client = client!;
        Server = server!;
    }

    public string Path { get; }

    public SeqPacketSocket Listener { get; }

    public SeqPacketSocket Client { get; }

    public SeqPacketSocket Server { get; }

    public static SeqPacketPair Open() => new(Directory.CreateTempSubdirectory("mesh-").FullName);

    public void Dispose()
    {
        Client.Dispose();
        Server.Dispose();
        Listener.Dispose();
        Directory.Delete(System.IO.Path.GetDirectoryName(Path)!, recursive: true);
    }
}
