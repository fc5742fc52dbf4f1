using System.Net;
using Grpc.Core;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Mesh.Bench.Peers;

/// <summary>A gRPC server with one unary method, as an application has it: Kestrel without TLS.</summary>
internal static class EchoServer
{
    public static async Task RunAsync(IPEndPoint listen)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(listen, options => options.Protocols = HttpProtocols.Http2));
        builder.Services.AddGrpc();
        await using WebApplication server = builder.Build();
        server.MapGrpcService<EchoService>();
        await server.RunAsync();
    }
}

/// <summary>What generated code would be: the method as the server looks for it. One method of bytes needs no more.</summary>
[BindServiceMethod(typeof(EchoMethods), nameof(Bind))]
internal abstract class EchoMethods
{
    private static readonly Marshaller<byte[]> s_bytes = new(bytes => bytes, bytes => bytes);

    private static readonly Method<byte[], byte[]> s_say = new(MethodType.Unary, "bench.Echo", nameof(SayAsync), s_bytes, s_bytes);

    /// <summary>Tells what the service can do; the service is none yet.</summary>
    public static void Bind(ServiceBinderBase binder, EchoMethods? service) =>
        binder.AddMethod(s_say, service is null ? null : new UnaryServerMethod<byte[], byte[]>(service.SayAsync));

    public abstract Task<byte[]> SayAsync(byte[] said, ServerCallContext context);
}

/// <summary>Answers with what it was sent.</summary>
internal sealed class EchoService : EchoMethods
{
    public override Task<byte[]> SayAsync(byte[] said, ServerCallContext context) => Task.FromResult(said);
}
