using Google.Protobuf;
using Mesh.Node.Model.Policies;
using Wire = Mesh.Api.Security;

namespace Mesh.Node.Proxy.Config.Resources;

/// <summary>
/// L4 policies. One that is refused never leaves its workloads without it, for a policy that is not there lets pass: what was good before
/// stays; else the strictest reading of what came is in force; else, where there is nothing to read, everything it might select is denied.
/// </summary>
/// <param name="rootNamespace">The namespace whose policies hold for the whole mesh.</param>
internal sealed class AuthorizationType(string rootNamespace) : ResourceType(ResourceTypes.Authorization)
{
    /// <summary>Names under which nothing good is in force, but something stricter.</summary>
    private readonly HashSet<string> _makeshifts = new(StringComparer.Ordinal);

    protected override (string? Refusal, string? Remark) Set(string name, ByteString content, ResourceDraft draft)
    {
        CompiledResource<AuthorizationPolicy> compiled = PolicyCompiler.Compile(Wire.Authorization.Parser.ParseFrom(content));
        if (compiled.Value is AuthorizationPolicy policy && policy.Key != name)
        {
            return (Refuse(name, $"it is the policy '{policy.Key}'", draft), null);
        }

        if (compiled.IsRefused)
        {
            return (Refuse(name, compiled.Refusal, draft, compiled.Value), null);
        }

        Put(compiled.Value, draft);
        _makeshifts.Remove(name);
        return (null, compiled.Remark);
    }

    protected override string Refuse(string name, string reason, ResourceDraft draft) => Refuse(name, reason, draft, strictest: null);

    protected override void Remove(string name, ResourceDraft draft)
    {
        _makeshifts.Remove(name);
        if (draft.Mesh.RemovePolicy(name))
        {
            draft.Policies.Add(name);
        }
    }

    private string Refuse(string name, string reason, ResourceDraft draft, AuthorizationPolicy? strictest)
    {
        if (draft.Mesh.TryGetPolicy(name, out _) && !_makeshifts.Contains(name))
        {
            return $"{reason}; what was good before stays in force";
        }

        _makeshifts.Add(name);
        if (strictest is not null)
        {
            Put(strictest, draft);
            return $"{reason}; its strictest reading is in force";
        }

        AuthorizationPolicy unreadable = AuthorizationPolicy.Unreadable(name, rootNamespace, reason);
        Put(unreadable, draft);
        return unreadable.Scope == PolicyScope.Global
            ? $"{reason}; until it is replaced or removed, every connection to any workload is denied"
            : $"{reason}; until it is replaced or removed, every connection to a workload of the namespace "
                + $"'{unreadable.Namespace}' is denied";
    }

    private static void Put(AuthorizationPolicy policy, ResourceDraft draft)
    {
        draft.Mesh.SetPolicy(policy);
        draft.Policies.Add(policy.Key);
    }
}
