using Mesh.Api.Discovery;
using Mesh.Node.Proxy.Config;
using Mesh.Node.Proxy.Tests.ControlPlane;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Config;

/// <summary>A discovery client, the control plane it talks to, and the files it reads.</summary>
internal sealed class DiscoveryFixture : IAsyncDisposable
{
    private readonly DirectoryInfo _files = Directory.CreateTempSubdirectory("mesh-discovery-");
    private readonly CancellationTokenSource _stopping = new();
    private ControlPlaneChannel? _channel;
    private Task? _running;

    private DiscoveryFixture(TestAuthority authority, FakeControlPlane controlPlane)
    {
        Authority = authority;
        ControlPlane = controlPlane;
        WriteRoots(authority.RootPem);
        WriteToken("first-token");
    }

    public TestAuthority Authority { get; }

    public FakeControlPlane ControlPlane { get; }

    public ConfigurationStore Store { get; } = new(NullLogger<ConfigurationStore>.Instance);

    public string RootFile => Path.Combine(_files.FullName, "root-cert.pem");

    public string TokenFile => Path.Combine(_files.FullName, "token");

    public static async Task<DiscoveryFixture> StartAsync()
    {
        var authority = new TestAuthority();
        return new DiscoveryFixture(authority, await FakeControlPlane.StartAsync(authority));
    }

    public ControlPlaneChannel CreateChannel(
        string? serverName = FakeControlPlane.ServerName, Uri? address = null, int connectTimeoutSeconds = 60) => new(
        new ControlPlaneOptions
        {
            Address = address ?? ControlPlane.Address,
            ConnectTimeoutSeconds = connectTimeoutSeconds,
            ServerName = serverName,
            RootCertificateFile = RootFile,
            TokenFile = TokenFile,
        },
        "test-cluster",
        NullLogger<ControlPlaneChannel>.Instance);

    public void Run(TimeProvider? time = null, ILoggerFactory? loggers = null, ControlPlaneChannel? channel = null)
    {
        _channel = channel ?? CreateChannel();
        var node = new NodeDescription { NodeName = "node-1", Cluster = "test-cluster", Network = "net" };
        var client = new XdsClient(_channel, node, "istio-system", Store, time ?? TimeProvider.System, loggers ?? NullLoggerFactory.Instance);
        _running = client.RunAsync(_stopping.Token);
    }

    public void WriteRoots(string pem) => File.WriteAllText(RootFile, pem);

    public void WriteToken(string token) => File.WriteAllText(TokenFile, token);

    /// <summary>Answers every subscription with nothing, which completes the configuration.</summary>
    public static async Task CompleteAsync(FakeDiscoveryStream stream)
    {
        foreach (string typeUrl in (await stream.ReadSubscriptionsAsync()).Keys)
        {
            DeltaDiscoveryResponse response = Wire.Response(typeUrl);
            DeltaDiscoveryRequest answer = await stream.ExchangeAsync(response);
            Assert.Equal((typeUrl, response.Nonce), (answer.TypeUrl, answer.ResponseNonce));
            Assert.Null(answer.ErrorDetail);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        if (_running is not null)
        {
            await _running.WaitAsync(TestTime.Patience);
        }

        _channel?.Dispose();
        await ControlPlane.DisposeAsync();
        Authority.Dispose();
        _stopping.Dispose();
        _files.Delete(recursive: true);
    }
}
