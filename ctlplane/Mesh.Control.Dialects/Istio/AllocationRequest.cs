using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Dialects.Istio;

/// <summary>Whether a ServiceEntry that names no addresses is to be given some, and its turn among those that are.</summary>
/// <param name="IsWelcome">False where its label <see cref="OptOutLabel"/> is <c>false</c>.</param>
/// <param name="CreatedAt">Older ones choose first, so that a new one takes nobody's address away. Null, as in files, goes last.</param>
internal sealed record AllocationRequest(bool IsWelcome, DateTimeOffset? CreatedAt)
{
    /// <summary>Istio's name for it.</summary>
    public const string OptOutLabel = "networking.istio.io/enable-autoallocate-ip";

    public static AllocationRequest Read(FieldReader root) => new(
        !string.Equals(root.Section("metadata")?.TextMap("labels").Find(OptOutLabel), "false", StringComparison.OrdinalIgnoreCase),
        CreationTime.Read(root));
}
