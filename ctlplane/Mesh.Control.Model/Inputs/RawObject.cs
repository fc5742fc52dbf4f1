namespace Mesh.Control.Model.Inputs;

/// <summary>
/// One object as a source delivers it: identified, positioned, not yet understood. Deliveries of an object from a file that has not
/// changed are one and the same instance, which is how everything after the source knows what it need not do again.
/// </summary>
public sealed record RawObject(ObjectKey Key, string ApiVersion, RawMapping Fields, Origin Origin);
