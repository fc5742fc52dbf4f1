namespace Mesh.Control.Model.Status;

/// <summary>What Gateway API's conditions are about, as it spells them.</summary>
public static class ConditionTypes
{
    public const string Accepted = "Accepted";
    public const string ResolvedRefs = "ResolvedRefs";
    public const string PartiallyInvalid = "PartiallyInvalid";
}

/// <summary>Why a condition is as it is, as Gateway API spells it.</summary>
public static class ConditionReasons
{
    public const string Accepted = "Accepted";
    public const string NoMatchingParent = "NoMatchingParent";
    public const string UnsupportedValue = "UnsupportedValue";
    public const string IncompatibleFilters = "IncompatibleFilters";
    public const string ResolvedRefs = "ResolvedRefs";
    public const string RefNotPermitted = "RefNotPermitted";
    public const string InvalidKind = "InvalidKind";
    public const string BackendNotFound = "BackendNotFound";
    public const string UnsupportedProtocol = "UnsupportedProtocol";
}
