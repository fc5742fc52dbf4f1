namespace Mesh.Control.Model.Inputs;

/// <summary>A place in a manifest. Both numbers count from 1; 0 means that the input has no positions.</summary>
public readonly record struct SourcePosition(int Line, int Column);
