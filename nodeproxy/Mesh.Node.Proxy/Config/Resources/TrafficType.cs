using Google.Protobuf;
using Mesh.Node.Model.Traffic;
using Mesh.Node.Proxy.Config.Resources.Traffic;
using Wire = Mesh.Api.Traffic;

namespace Mesh.Node.Proxy.Config.Resources;

/// <summary>How requests to services are routed and carried. What is refused leaves what was good before in force.</summary>
internal sealed class TrafficType() : ResourceType(ResourceTypes.Traffic)
{
    protected override (string? Refusal, string? Remark) Set(string name, ByteString content, ResourceDraft draft)
    {
        CompiledResource<ServiceTraffic> compiled = TrafficCompiler.Compile(Wire.ServiceTraffic.Parser.ParseFrom(content));
        if (compiled.IsRefused)
        {
            return (compiled.Refusal, null);
        }

        if (compiled.Value.ServiceKey != name)
        {
            return ($"it is of the service '{compiled.Value.ServiceKey}'", null);
        }

        draft.Mesh.SetTraffic(compiled.Value);
        draft.Traffic.Add(name);
        return (null, compiled.Remark);
    }

    protected override void Remove(string name, ResourceDraft draft)
    {
        if (draft.Mesh.RemoveTraffic(name))
        {
            draft.Traffic.Add(name);
        }
    }
}
