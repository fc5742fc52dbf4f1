namespace Mesh.Node.Model.Routing;

/// <summary>How a text of a request is compared.</summary>
public enum ValueMatchKind
{
    /// <summary>It is there at all, be it empty.</summary>
    Present,

    /// <summary>It is this, byte for byte.</summary>
    Exact,

    /// <summary>It begins with this.</summary>
    Prefix,

    /// <summary>It ends with this.</summary>
    Suffix,

    /// <summary>A regular expression matches all of it.</summary>
    Pattern,
}
