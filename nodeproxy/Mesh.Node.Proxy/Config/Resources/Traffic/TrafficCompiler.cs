using System.Collections.Immutable;
using Google.Protobuf;
using Google.Protobuf.Collections;
using Mesh.Node.Model.Routing;
using Mesh.Node.Model.Traffic;
using Mesh.Node.Model.Workloads;
using Wire = Mesh.Api.Traffic;

namespace Mesh.Node.Proxy.Config.Resources.Traffic;

/// <summary>
/// Traffic from the wire. A resource is taken whole or refused by name: what this version does not know could send requests where they must
/// not go, and what was good before is better than half of what is new.
/// </summary>
internal static class TrafficCompiler
{
    public static CompiledResource<ServiceTraffic> Compile(Wire.ServiceTraffic wire)
    {
        try
        {
            RefuseUnknown(wire);
            return Read(wire);
        }
        catch (ResourceRefusedException refusal)
        {
            return CompiledResource<ServiceTraffic>.Refused(refusal.Message);
        }
    }

    private static ServiceTraffic Read(Wire.ServiceTraffic wire)
    {
        new Field("namespace").Require(wire.Namespace.Length > 0, "it has none");
        new Field("hostname").Require(wire.Hostname.Length > 0, "it has none");
        var field = new Field("scopes");
        TrafficScope everyone = TrafficScope.Default;
        var scopes = new Dictionary<string, TrafficScope>(StringComparer.Ordinal);
        var seen = new HashSet<string>(StringComparer.Ordinal);
        for (int index = 0; index < wire.Scopes.Count; index++)
        {
            Wire.TrafficScope scope = wire.Scopes[index];
            field[index]["client_namespace"].Require(seen.Add(scope.ClientNamespace), $"'{scope.ClientNamespace}' has two scopes");
            if (scope.ClientNamespace.Length == 0)
            {
                everyone = ReadScope(scope, field[index]);
            }
            else
            {
                scopes.Add(scope.ClientNamespace, ReadScope(scope, field[index]));
            }
        }

        return new ServiceTraffic(Service.KeyOf(wire.Namespace, wire.Hostname), everyone, scopes);
    }

    private static TrafficScope ReadScope(Wire.TrafficScope wire, Field field)
    {
        var routes = new Dictionary<ushort, RouteTable>();
        for (int index = 0; index < wire.Ports.Count; index++)
        {
            Field place = field["ports"][index];
            ushort port = place["port"].Port(wire.Ports[index].Port);
            RouteTable table = RouteTable.Compile(place["routes"].Each(wire.Ports[index].Routes, RouteCompiler.Read));
            place["port"].Require(routes.TryAdd(port, table), $"{port} is there twice");
        }

        var subsets = new Dictionary<string, TrafficSubset>(StringComparer.Ordinal);
        for (int index = 0; index < wire.Subsets.Count; index++)
        {
            Wire.Subset subset = wire.Subsets[index];
            Field place = field["subsets"][index];
            place["name"].Require(subset.Name.Length > 0, "it has none");
            place["key"].Require(subset.Key.Length > 0, "it has none");
            var read = new TrafficSubset(subset.Name, subset.Key, ReadPolicies(subset.Policies, place["policies"]));
            place["name"].Require(subsets.TryAdd(subset.Name, read), $"'{subset.Name}' is there twice");
        }

        var connections = new Dictionary<ushort, ImmutableArray<ConnectionRoute>>();
        var unread = new HashSet<ushort>();
        for (int index = 0; index < wire.Connections.Count; index++)
        {
            Field place = field["connections"][index];
            ushort port = place["port"].Port(wire.Connections[index].Port);
            ImmutableArray<ConnectionRoute> read = place["routes"].Each(wire.Connections[index].Routes, ConnectionRouteCompiler.Read);
            place["port"].Require(connections.TryAdd(port, read), $"{port} is there twice");
            if (wire.Connections[index].CarriesRequests)
            {
                unread.Add(port);
            }
        }

        return new TrafficScope(routes, ReadPolicies(wire.Policies, field["policies"]), subsets, connections, unread);
    }

    private static PortPolicies ReadPolicies(Wire.PortPolicies? wire, Field field)
    {
        if (wire is null)
        {
            return PortPolicies.Default;
        }

        var byPort = new Dictionary<ushort, TrafficPolicy>();
        for (int index = 0; index < wire.ByPort.Count; index++)
        {
            Field place = field["by_port"][index];
            ushort port = place["port"].Port(wire.ByPort[index].Port);
            TrafficPolicy policy = TrafficPolicyCompiler.Read(wire.ByPort[index].Policy, place["policy"]);
            place["port"].Require(byPort.TryAdd(port, policy), $"{port} is there twice");
        }

        return new PortPolicies(TrafficPolicyCompiler.Read(wire.Others, field["others"]), byPort);
    }

    /// <summary>Refuses fields that a newer control plane sends, and says where they are as nearly as is worth the while.</summary>
    private static void RefuseUnknown(Wire.ServiceTraffic wire)
    {
        Wire.ServiceTraffic known = UnknownFields.Without(wire, Wire.ServiceTraffic.Parser);
        if (!UnknownFields.AreIn(wire, known))
        {
            return;
        }

        (IMessage message, IMessage without, Field place) = (wire, known, new Field("scopes"));
        if (Descend(wire.Scopes, known.Scopes, ref message, ref without, ref place))
        {
            var scope = (Wire.TrafficScope)message;
            var knownScope = (Wire.TrafficScope)without;
            Field inScope = place;
            place = inScope["ports"];
            if (Descend(scope.Ports, knownScope.Ports, ref message, ref without, ref place))
            {
                var port = (Wire.PortRoutes)message;
                Field inPort = place;
                place = inPort["routes"];
                place = Descend(port.Routes, ((Wire.PortRoutes)without).Routes, ref message, ref without, ref place) ? place : inPort;
            }
            else
            {
                place = inScope["subsets"];
                place = Descend(scope.Subsets, knownScope.Subsets, ref message, ref without, ref place) ? place : inScope;
            }
        }
        else
        {
            place = new Field("");
        }

        string numbers = string.Join(", ", UnknownFields.Of(message, without));
        throw place.Refuse(numbers.Length > 0 ? $"field {numbers} is not known here" : "what it holds has fields that are not known here");
    }

    private static bool Descend<T>(
        RepeatedField<T> items, RepeatedField<T> known, ref IMessage message, ref IMessage without, ref Field place)
        where T : IMessage<T>
    {
        for (int index = 0; index < items.Count; index++)
        {
            if (UnknownFields.AreIn(items[index], known[index]))
            {
                (message, without, place) = (items[index], known[index], place[index]);
                return true;
            }
        }

        return false;
    }
}
