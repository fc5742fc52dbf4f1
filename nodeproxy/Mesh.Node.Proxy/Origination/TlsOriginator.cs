using System.Net;
using Mesh.Interop.OpenSsl;
using Mesh.Node.Model.Traffic;
using Mesh.Node.Proxy.Hbone;
using Mesh.Node.Proxy.Loops;
using Mesh.Node.Proxy.Telemetry;
using Mesh.Node.Transport.Channels;
using Mesh.Node.Transport.Tls;

namespace Mesh.Node.Proxy.Origination;

/// <summary>Begins TLS on a connection to a server outside the mesh. Of one connection; lives on its loop.</summary>
/// <param name="context">The loop.</param>
/// <param name="tls">How.</param>
/// <param name="host">The host that the connection or the request is for; may be empty where the rule says which.</param>
internal sealed class TlsOriginator(LoopContext context, TlsOrigination tls, string host)
{
    /// <summary>No name in DNS is longer (RFC 1035 §2.3.4); a client may ask for any host it likes.</summary>
    private const int NameCharactersMax = 255;

    private OriginationWait? _wait;
    private TlsChannel? _channel;
    private bool _isCancelled;

    /// <summary>Takes the handshake to its end. The channel is the caller's where there is one, and closed where there is none.</summary>
    /// <param name="transport">Connected, and given away.</param>
    /// <param name="use">What is spoken inside.</param>
    public async ValueTask<(TlsChannel? Channel, CloseReason Reason, string? Detail)> SecureAsync(TcpChannel transport, OriginationUse use)
    {
        OriginationContexts contexts = context.Services.Originations;
        var limit = TimeSpan.FromMilliseconds(context.Services.Options.HandshakeTimeoutMs);
        OriginationContext made = contexts.Find(tls, use)
            ?? await contexts.WaitAsync(tls, use, _wait = new OriginationWait(context.Loop), limit);
        if (made.Context is not TlsContext settings || _isCancelled)
        {
            transport.Reset();
            return (null, CloseReason.TlsSettingsUnusable, made.Fault);
        }

        if (host.Length > NameCharactersMax)
        {
            transport.Reset();
            return (null, CloseReason.TlsSettingsUnusable, $"no server has a name of {host.Length} characters");
        }

        _channel = new TlsChannel(transport, settings, NameOf(tls, host));
        TlsHandshakeResult handshake = await _channel.HandshakeAsync(limit);
        if (handshake.Status == TlsHandshakeStatus.Done)
        {
            return (_channel, CloseReason.None, null);
        }

        _channel.Reset();
        return (null, TlsReasons.ReasonFor(handshake), $"TLS with {host}: {handshake.Failure?.Detail ?? "not in time"}");
    }

    /// <summary>Gives it up.</summary>
    public void Cancel()
    {
        _isCancelled = true;
        _wait?.Cancel();
        _channel?.CancelHandshake();
    }

    /// <summary>Which server it must be.</summary>
    internal static TlsServerName NameOf(TlsOrigination tls, string host)
    {
        string name = tls.ServerName.Length > 0 ? tls.ServerName : host;
        return new TlsServerName(
            name.Length == 0 || IPAddress.TryParse(name, out _) ? null : name,
            !tls.AcceptedNames.IsEmpty ? tls.AcceptedNames : name.Length == 0 ? [] : [name]);
    }
}
