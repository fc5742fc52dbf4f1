using Mesh.Control.Dialects.Traffic;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Dialects.Istio;

/// <summary>Checks Gateway (networking.istio.io). No gateway runs here, so that nothing comes of it.</summary>
internal static class GatewayReader
{
    private static readonly string[] s_specFields = ["selector", "servers"];
    private static readonly string[] s_serverFields = ["bind", "defaultEndpoint", "hosts", "name", "port", "tls"];
    private static readonly string[] s_portFields = ["name", "number", "protocol", "targetPort"];
    private static readonly string[] s_tlsFields =
    [
        "caCertCredentialName", "caCertificates", "caCrl", "cipherSuites", "credentialName", "credentialNames", "httpsRedirect",
        "maxProtocolVersion", "minProtocolVersion", "mode", "privateKey", "serverCertificate", "subjectAltNames", "tlsCertificates",
        "verifyCertificateHash", "verifyCertificateSpki",
    ];

    private static readonly string[] s_modes =
        ["AUTO_PASSTHROUGH", "ISTIO_MUTUAL", "MUTUAL", "OPTIONAL_MUTUAL", "PASSTHROUGH", "SIMPLE"];

    private static readonly string[] s_protocols = ["GRPC", "GRPC-WEB", "HTTP", "HTTP2", "HTTPS", "MONGO", "MYSQL", "REDIS", "TCP", "TLS"];

    public static void Check(RawObject source, ObjectDiagnostics diagnostics)
    {
        var root = new FieldReader(source.Fields, string.Empty, diagnostics);
        if (root.Section("spec") is not { } spec)
        {
            root.Error("spec", "A Gateway needs a spec.");
            return;
        }

        spec.RefuseUnknown("Gateway", s_specFields);
        List<FieldReader> servers = spec.Sections("servers");
        if (servers.Count == 0)
        {
            spec.Error("servers", "A Gateway needs a server.");
        }

        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (FieldReader server in servers)
        {
            CheckServer(server, names);
        }

        if (!diagnostics.HasErrors)
        {
            root.Warning(
                "kind",
                "The Gateway is sound, but no gateway process is part of this mesh, so it has no effect.",
                "Put a gateway of your own in front; as a pod of the mesh it reaches services as any other.");
        }
    }

    private static void CheckServer(FieldReader server, HashSet<string> names)
    {
        server.RefuseUnknown("A server", s_serverFields);
        if (server.Items("hosts").Count == 0)
        {
            server.Error("hosts", "A server needs a host.");
        }

        foreach (TextItem host in server.Texts("hosts"))
        {
            string name = host.Text[(host.Text.IndexOf('/', StringComparison.Ordinal) + 1)..];
            if (name != "*" && !MeshHosts.IsHost(name))
            {
                server.Diagnostics.Error(
                    host.Path, host.Position, $"'{host.Text}' is not a host name, with a namespace and a slash or without.");
            }
        }

        if (server.Section("port") is not { } port)
        {
            server.Error("port", "The field is required.");
            return;
        }

        port.RefuseUnknown("port", s_portFields);
        if (port.RequiredText("name") is { } portName && !names.Add(portName))
        {
            port.Error("name", $"Another server has a port of the name {portName}.");
        }

        if (!port.Has("number"))
        {
            port.Error("number", "The field is required.");
        }

        port.Integer("number", 1, TrafficFields.PortMax);
        string? protocol = port.RequiredText("protocol")?.ToUpperInvariant();
        if (protocol is not null && !s_protocols.Contains(protocol, StringComparer.Ordinal))
        {
            port.Error("protocol", $"'{protocol}' is not a protocol.", $"Write one of {string.Join(", ", s_protocols)}.");
        }

        CheckTls(server, protocol);
    }

    private static void CheckTls(FieldReader server, string? protocol)
    {
        FieldReader? tls = server.Section("tls");
        if (protocol is "HTTPS" or "TLS" && tls is null)
        {
            server.Error("tls", $"A server of {protocol} needs it.");
        }

        if (tls is null)
        {
            return;
        }

        tls.RefuseUnknown("tls", s_tlsFields);
        tls.Flag("httpsRedirect");
        bool isRedirectAlone = tls.Entries.All(entry => entry.Key == "httpsRedirect");
        if (protocol is "HTTP" or "HTTP2" or "GRPC" or "GRPC-WEB" && !isRedirectAlone)
        {
            server.Error("tls", $"A server of {protocol} has no TLS but httpsRedirect.");
            return;
        }

        string mode = tls.Text("mode") ?? "SIMPLE";
        if (!s_modes.Contains(mode, StringComparer.Ordinal))
        {
            tls.Error("mode", $"'{mode}' is not a mode.", $"Write one of {string.Join(", ", s_modes)}.");
            return;
        }

        string[] sources =
            [.. ((string[])["credentialName", "credentialNames", "serverCertificate", "tlsCertificates"]).Where(tls.Has)];
        if (sources.Length > 1)
        {
            tls.Error(sources[1], $"The certificate is given already, by {sources[0]}.");
        }
        else if (sources.Length == 0 && protocol is "HTTPS" or "TLS" && mode is "SIMPLE" or "MUTUAL" or "OPTIONAL_MUTUAL")
        {
            tls.Error("credentialName", $"{mode} needs a certificate.");
        }
    }
}
