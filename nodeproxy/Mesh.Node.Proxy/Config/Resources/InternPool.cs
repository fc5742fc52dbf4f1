using System.Diagnostics.CodeAnalysis;
using Mesh.Api.Identity;

namespace Mesh.Node.Proxy.Config.Resources;

/// <summary>
/// One instance of each text and identity that workloads have in common: thousands of pods name a few hundred namespaces, nodes and
/// accounts. Bounded: past the limit it starts over, which costs memory and nothing else. The writer's thread only.
/// </summary>
internal sealed class InternPool
{
    private const int EntriesMax = 65_536;

    private readonly Dictionary<string, string> _texts = new(StringComparer.Ordinal);
    private readonly Dictionary<(string TrustDomain, string Namespace, string ServiceAccount), SpiffeId> _identities = [];

    public string Text(string text)
    {
        if (_texts.TryGetValue(text, out string? known))
        {
            return known;
        }

        if (_texts.Count >= EntriesMax)
        {
            _texts.Clear();
        }

        _texts.Add(text, text);
        return text;
    }

    public bool TryIdentity(string trustDomain, string @namespace, string serviceAccount, [NotNullWhen(true)] out SpiffeId? identity)
    {
        if (_identities.TryGetValue((trustDomain, @namespace, serviceAccount), out identity))
        {
            return true;
        }

        if (!TrustDomain.TryParse(trustDomain, out TrustDomain? parsed)
            || !SpiffeId.TryCreate(parsed, @namespace, serviceAccount, out identity))
        {
            return false;
        }

        if (_identities.Count >= EntriesMax)
        {
            _identities.Clear();
        }

        _identities.Add((trustDomain, @namespace, serviceAccount), identity);
        return true;
    }
}
