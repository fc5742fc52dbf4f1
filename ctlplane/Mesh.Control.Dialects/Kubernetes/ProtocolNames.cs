using Mesh.Control.Model.Canonical;

namespace Mesh.Control.Dialects.Kubernetes;

/// <summary>What a service port says is spoken there: appProtocol first, then the port's name up to its first dash.</summary>
internal static class ProtocolNames
{
    public static ApplicationProtocol Of(string? appProtocol, string portName, int port)
    {
        if (appProtocol is not null)
        {
            return OfName(appProtocol);
        }

        if (portName.StartsWith("grpc-web", StringComparison.OrdinalIgnoreCase))
        {
            return ApplicationProtocol.Http11;
        }

        int dash = portName.IndexOf('-', StringComparison.Ordinal);
        ApplicationProtocol named = OfName(dash < 0 ? portName : portName[..dash]);

        // Server-first protocols: whoever waits for the client's first bytes to guess the protocol would wait for ever.
        return named == ApplicationProtocol.Unknown && port is 25 or 53 or 3306 or 27017 ? ApplicationProtocol.Tcp : named;
    }

    public static ApplicationProtocol OfName(string name) => name.ToUpperInvariant() switch
    {
        "HTTP" or "GRPC-WEB" or "KUBERNETES.IO/WS" => ApplicationProtocol.Http11,
        "HTTP2" or "KUBERNETES.IO/H2C" => ApplicationProtocol.Http2,
        "GRPC" => ApplicationProtocol.Grpc,
        "TCP" or "MONGO" or "REDIS" or "MYSQL" => ApplicationProtocol.Tcp,
        "TLS" or "HTTPS" or "KUBERNETES.IO/WSS" => ApplicationProtocol.Tls,
        _ => ApplicationProtocol.Unknown,
    };
}
