namespace Mesh.Control.Serving.Ca;

/// <summary>The one thing the CA asks of the configuration.</summary>
public interface IPlacementReader
{
    /// <summary>
    /// False until there is a configuration: nobody knows then what runs where, and nobody should be told that nothing does.
    /// </summary>
    bool IsKnown { get; }

    /// <summary>Whether <paramref name="node"/> runs a live pod of that service account.</summary>
    bool RunsOn(string node, string @namespace, string serviceAccount);
}
