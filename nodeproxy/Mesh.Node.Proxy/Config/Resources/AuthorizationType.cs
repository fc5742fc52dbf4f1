using Google.Protobuf;
using Mesh.Node.Model.Policies;
using Wire = Mesh.Api.Security;

namespace Mesh.Node.Proxy.Config.Resources;

/// <summary>L4 policies.</summary>
internal sealed class AuthorizationType() : ResourceType(ResourceTypes.Authorization)
{
    protected override (string? Refusal, string? Remark) Set(string name, ByteString content, ResourceDraft draft)
    {
        CompiledResource<AuthorizationPolicy> compiled = PolicyCompiler.Compile(Wire.Authorization.Parser.ParseFrom(content));
        if (compiled.Value is AuthorizationPolicy policy && policy.Key != name)
        {
            return ($"it is the policy '{policy.Key}'", null);
        }

        if (!compiled.IsRefused)
        {
            Put(compiled.Value, draft);
            return (null, compiled.Remark);
        }

        if (draft.Mesh.TryGetPolicy(name, out _))
        {
            return ($"{compiled.Refusal}; what was good before stays in force", null);
        }

        if (compiled.Value is null)
        {
            return (compiled.Refusal, null);
        }

        // Nothing good is in force, and a policy that is not there lets pass: its strict reading is.
        Put(compiled.Value, draft);
        return ($"{compiled.Refusal}; its strictest reading is in force", null);
    }

    protected override void Remove(string name, ResourceDraft draft)
    {
        if (draft.Mesh.RemovePolicy(name))
        {
            draft.Policies.Add(name);
        }
    }

    private static void Put(AuthorizationPolicy policy, ResourceDraft draft)
    {
        draft.Mesh.SetPolicy(policy);
        draft.Policies.Add(policy.Key);
    }
}
