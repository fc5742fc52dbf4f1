namespace Mesh.Control.Cli.Definitions;

/// <summary>
/// What the API server makes of a field without a value, such as one whose lines have all been commented out. It takes such fields away,
/// unless the definition keeps them.
/// </summary>
internal enum NullFields
{
    /// <summary>They read as absent, as the control plane would read them.</summary>
    Gone,

    /// <summary>The control plane reads some of them as conditions; those with a choice of values read as absent.</summary>
    KeptWhereFree,

    /// <summary>Of policies: without the field the policy would be for more, so the control plane has to see that it was there.</summary>
    Kept,
}
