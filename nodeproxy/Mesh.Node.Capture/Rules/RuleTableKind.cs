namespace Mesh.Node.Capture.Rules;

/// <summary>Which of netfilter's passes a table belongs to.</summary>
internal enum RuleTableKind
{
    /// <summary>Accepts or refuses. First, so that what the others mark is refused from the moment they mark it.</summary>
    Filter,

    /// <summary>Marks packets and connections. Sees every packet.</summary>
    Mangle,

    /// <summary>Translates addresses. Sees the first packet of a connection.</summary>
    Nat,
}
