using Mesh.Node.Model.Addresses;
using Mesh.Node.Model.Routing;
using Wire = Mesh.Api.Traffic;

namespace Mesh.Node.Proxy.Config.Resources.Traffic;

/// <summary>Routes of connections from the wire. Throws where something is not as it must be.</summary>
internal static class ConnectionRouteCompiler
{
    /// <exception cref="ResourceRefusedException">Something in it is unknown, missing or out of range.</exception>
    public static ConnectionRoute Read(Wire.ConnectionRoute wire, Field field)
    {
        field["destinations"].Require(wire.Destinations.Count > 0, "there is none");
        return new ConnectionRoute(
            wire.Name,
            field["matches"].Each(wire.Matches, ReadMatch),
            new WeightedDestinations(field["destinations"].Each(wire.Destinations, RouteCompiler.ReadDestination), wire.KeepsUnusable));
    }

    private static ConnectionMatch ReadMatch(Wire.ConnectionMatch wire, Field field) => new()
    {
        ServerNames = field["server_names"].Each(wire.ServerNames, ReadServerName),
        Destinations = wire.DestinationBlocks.Count == 0
            ? null
            : PrefixSet.Create(field["destination_blocks"].Each(wire.DestinationBlocks, ReadBlock).AsSpan()),
        Source = MatchCompiler.ReadSource(wire.Source, field["source"]),
    };

    private static string ReadServerName(string name, Field field)
    {
        field.Require(name.Length > 0, "it is empty");
        return name.ToLowerInvariant();
    }

    private static IpPrefix ReadBlock(string text, Field field)
    {
        try
        {
            return IpPrefix.Parse(text);
        }
        catch (FormatException malformed)
        {
            throw field.Refuse(malformed.Message);
        }
    }
}
