using System.Net;
using Mesh.Bench.Peers;

const string Usage =
    """
    Usage: bench-peers PROGRAM: what the comparison needs and no distribution has

      yarp LISTEN ORIGIN   YARP: HTTP/1.1 requests taken at LISTEN, passed on to ORIGIN over connections it keeps
      grpc LISTEN          a gRPC server that answers /bench.Echo/SayAsync with what it was sent

    LISTEN and ORIGIN are an address and a port, such as 10.1.1.2:8080.
    """;

switch (args)
{
    case ["yarp", var listen, var origin] when IPEndPoint.TryParse(listen, out IPEndPoint? at) && IPEndPoint.TryParse(origin, out _):
        await YarpProxy.RunAsync(at, origin);
        return 0;
    case ["grpc", var listen] when IPEndPoint.TryParse(listen, out IPEndPoint? at):
        await EchoServer.RunAsync(at);
        return 0;
    default:
        await Console.Error.WriteLineAsync(Usage);
        return 2;
}
