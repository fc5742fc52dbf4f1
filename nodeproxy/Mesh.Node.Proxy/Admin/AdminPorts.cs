using System.Net;
using Mesh.Node.Proxy.Succession;

namespace Mesh.Node.Proxy.Admin;

/// <summary>The admin ports of this process: served, lent to the next process, and served again when that one has ended.</summary>
public sealed class AdminPorts : IPortLender, IAsyncDisposable
{
    private readonly AdminOptions _options;
    private readonly AdminSources _sources;
    private AdminServer? _server;

    private AdminPorts(AdminOptions options, AdminSources sources, AdminServer server)
    {
        _options = options;
        _sources = sources;
        _server = server;
    }

    /// <summary>Serves the ports, first asking for them where somebody else has them.</summary>
    /// <inheritdoc cref="AdminServer.StartAsync(AdminOptions, AdminSources, IPortHolder?, CancellationToken)"/>
    public static async Task<AdminPorts> OpenAsync(
        AdminOptions options, AdminSources sources, IPortHolder? holder, CancellationToken cancellation) =>
        new(options, sources, await AdminServer.StartAsync(options, sources, holder, cancellation));

    /// <inheritdoc cref="AdminServer.EndPointOf"/>
    /// <exception cref="InvalidOperationException">They are not open.</exception>
    public IPEndPoint EndPointOf(string key) =>
        _server?.EndPointOf(key) ?? throw new InvalidOperationException("The admin ports are lent, or closed.");

    /// <inheritdoc/>
    public async Task LendAsync()
    {
        if (_server is not null)
        {
            await _server.DisposeAsync();
            _server = null;
        }
    }

    /// <inheritdoc/>
    public async Task TakeBackAsync() => _server ??= await AdminServer.StartAsync(_options, _sources, holder: null, CancellationToken.None);

    /// <summary>Stops serving for good. Whoever lends them has ended before.</summary>
    public async ValueTask DisposeAsync() => await LendAsync();
}
