using System.Text;
using Mesh.Node.Protocols.Http;

namespace Mesh.Node.Protocols.Tests.Http2;

/// <summary>Header lists for tests.</summary>
internal static class Headers
{
    public static HeaderList Of(params (string Name, string Value)[] fields)
    {
        var list = new HeaderList();
        foreach ((string name, string value) in fields)
        {
            list.Add(Encoding.Latin1.GetBytes(name), Encoding.Latin1.GetBytes(value));
        }

        return list;
    }

    public static HeaderList Get(string path = "/") => Of((":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", path));

    public static HeaderList Post(string path = "/") => Of((":method", "POST"), (":scheme", "http"), (":authority", "a"), (":path", path));

    public static HeaderList Connect(string authority = "10.0.0.1:80") => Of((":method", "CONNECT"), (":authority", authority));

    public static HeaderList Status(int status) => Of((":status", status.ToString(System.Globalization.CultureInfo.InvariantCulture)));
}
