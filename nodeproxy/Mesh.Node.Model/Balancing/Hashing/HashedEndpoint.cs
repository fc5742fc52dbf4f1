namespace Mesh.Node.Model.Balancing.Hashing;

/// <summary>An endpoint that keys are led to.</summary>
/// <param name="Name">What it is hashed by: the same on every node.</param>
/// <param name="Weight">Its share of the keys is this over the sum of all; 0 gets none.</param>
public readonly record struct HashedEndpoint(string Name, uint Weight);
