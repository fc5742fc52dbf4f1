using System.Text;
using Mesh.Api.Identity;
using Mesh.Node.Protocols.Http;

namespace Mesh.Node.Proxy.Http.Inbound;

/// <summary>The fields by which an application knows its client. What a client says of itself in them is never passed on.</summary>
internal static class InboundFields
{
    private const int ValueBytesMax = 2 * 1024;

    /// <summary>Writes a request as the application is to read it, but for its path.</summary>
    /// <param name="head">Changed.</param>
    /// <param name="client">Who asks; null when unknown.</param>
    /// <param name="server">Who is asked; null when unknown.</param>
    public static void Rewrite(RequestHead head, SpiffeId? client, SpiffeId? server)
    {
        if (client is not null)
        {
            SetClientCertificate(head, client, server);
        }
        else
        {
            head.Fields.Remove("x-forwarded-client-cert"u8);
            RemoveControls(head.Fields);
        }

        if (head.Fields.IndexOf("x-forwarded-proto"u8) < 0)
        {
            head.Fields.Add("x-forwarded-proto"u8, "http"u8);
        }
    }

    /// <summary>By: who was asked. URI: who asks, as its certificate says.</summary>
    private static void SetClientCertificate(RequestHead head, SpiffeId client, SpiffeId? server)
    {
        Span<byte> value = stackalloc byte[ValueBytesMax];
        int bytes = 0;
        if (server is not null)
        {
            "By="u8.CopyTo(value);
            bytes = 3 + Encoding.ASCII.GetBytes(server.ToString(), value[3..]);
            value[bytes++] = (byte)';';
        }

        "URI="u8.CopyTo(value[bytes..]);
        bytes += 4;
        bytes += Encoding.ASCII.GetBytes(client.ToString(), value[bytes..]);
        head.Fields.Set("x-forwarded-client-cert"u8, value[..bytes]);
    }

    /// <summary>What directs proxies comes from proxies: nobody outside the mesh has a say (reference E.4).</summary>
    private static void RemoveControls(HeaderList fields)
    {
        for (int i = fields.Count - 1; i >= 0; i--)
        {
            if (fields[i].Name.StartsWith("x-envoy-"u8))
            {
                fields.RemoveAt(i);
            }
        }
    }
}
