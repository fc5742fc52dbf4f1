using Google.Protobuf;
using Mesh.Node.Model.Workloads;
using Wire = Mesh.Api.Workload;

namespace Mesh.Node.Proxy.Config.Resources;

/// <summary>Workloads and services.</summary>
internal sealed class AddressType() : ResourceType(ResourceTypes.Address)
{
    private readonly AddressCompiler _compiler = new();

    protected override (string? Refusal, string? Remark) Set(string name, ByteString content, ResourceDraft draft)
    {
        Wire.Address wire = Wire.Address.Parser.ParseFrom(content);
        return wire.TypeCase switch
        {
            Wire.Address.TypeOneofCase.Workload => SetWorkload(name, wire.Workload, draft),
            Wire.Address.TypeOneofCase.Service => SetService(name, wire.Service, draft),
            _ => ("it is neither a workload nor a service", null),
        };
    }

    protected override void Remove(string name, ResourceDraft draft)
    {
        // Uids and service keys never look alike, but nothing is lost by asking both.
        if (draft.Mesh.RemoveWorkload(name))
        {
            draft.Workloads.Add(name);
        }

        if (draft.Mesh.RemoveService(name))
        {
            draft.Services.Add(name);
        }
    }

    private (string? Refusal, string? Remark) SetWorkload(string name, Wire.Workload wire, ResourceDraft draft)
    {
        CompiledResource<Workload> compiled = _compiler.Compile(wire);
        if (compiled.IsRefused)
        {
            return (compiled.Refusal, null);
        }

        if (compiled.Value.Uid != name)
        {
            return ($"its uid is '{compiled.Value.Uid}'", null);
        }

        draft.Mesh.SetWorkload(compiled.Value);
        draft.Workloads.Add(name);
        return (null, compiled.Remark);
    }

    private (string? Refusal, string? Remark) SetService(string name, Wire.Service wire, ResourceDraft draft)
    {
        CompiledResource<Service> compiled = _compiler.Compile(wire);
        if (compiled.IsRefused)
        {
            return (compiled.Refusal, null);
        }

        if (compiled.Value.Key != name)
        {
            return ($"it is the service '{compiled.Value.Key}'", null);
        }

        draft.Mesh.SetService(compiled.Value);
        draft.Services.Add(name);
        return (null, compiled.Remark);
    }
}
