using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Analysis.Inputs;

/// <summary>One object of the input.</summary>
internal class Entry(RawObject source)
{
    private readonly Field _root = Field.Of(source);

    public RawObject Source { get; } = source;

    public string Namespace => Source.Key.Namespace;

    public string Name => Source.Key.Name;

    public Field Root => _root;

    public Field Spec => _root["spec"];

    public Field Metadata => _root["metadata"];

    public override string ToString() => Source.Key.ToString();
}
