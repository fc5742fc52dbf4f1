using System.CommandLine;
using System.CommandLine.Parsing;
using System.Net;

namespace Mesh.Control.Cli.Admin;

/// <summary>Options and arguments that are an address and a port.</summary>
internal static class AddressOption
{
    private const string LocalHost = "localhost:";

    public static Option<IPEndPoint> ControlPlane() => new("--control")
    {
        Description = "The control plane's admin endpoint.",
        HelpName = "ADDR:PORT",
        DefaultValueFactory = _ => IPEndPoint.Parse(AdminClient.ControlPlaneDefault),
        CustomParser = result => Parse(result.Tokens[0].Value, AdminClient.ControlPlaneDefault, result),
    };

    public static Option<IPEndPoint[]> Proxies() => new("--proxy")
    {
        Description = "A proxy's admin endpoint; once for each node to be asked.",
        HelpName = "ADDR:PORT",
        DefaultValueFactory = _ => [IPEndPoint.Parse(AdminClient.ProxyDefault)],
        CustomParser = result =>
            [.. result.Tokens.Select(token => Parse(token.Value, AdminClient.ProxyDefault, result)).OfType<IPEndPoint>()],
    };

    public static IPEndPoint? Parse(ArgumentResult result) =>
        result.Tokens.Count == 0
            ? IPEndPoint.Parse(AdminClient.ProxyDefault)
            : Parse(result.Tokens[0].Value, AdminClient.ProxyDefault, result);

    private static IPEndPoint? Parse(string text, string example, ArgumentResult result)
    {
        string named = text.StartsWith(LocalHost, StringComparison.OrdinalIgnoreCase) ? $"127.0.0.1:{text[LocalHost.Length..]}" : text;
        if (IPEndPoint.TryParse(named, out IPEndPoint? address) && address.Port != 0)
        {
            return address;
        }

        result.AddError($"'{text}' is not an address and port such as {example}.");
        return null;
    }
}
