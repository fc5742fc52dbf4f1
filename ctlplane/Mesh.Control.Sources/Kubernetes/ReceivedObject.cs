using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Sources.Kubernetes;

/// <summary>An object as the API server sent it.</summary>
/// <param name="Key">Which one.</param>
/// <param name="ResourceVersion">Which state of it.</param>
/// <param name="Object">What is kept of it; of one that cannot be read, its name and nothing that could be taken for a spec.</param>
/// <param name="Problem">Why it cannot be read, or null.</param>
internal sealed record ReceivedObject(ObjectKey Key, string ResourceVersion, RawObject Object, Diagnostic? Problem);
