using Mesh.Interop.Linux;

namespace Mesh.Testing;

/// <summary>Whether this process can have network namespaces, and what is to be done about it when not.</summary>
internal static class LabObstacle
{
    private const string Remedy = "Run as root, or under `unshare -Urnm` after `ip link set lo up`.";

    private static readonly Lazy<string?> s_found = new(Find);

    /// <summary>Why there can be no lab here; null when there can.</summary>
    public static string? Found => s_found.Value;

    /// <summary>Whether a lab that cannot be had is a failure and no reason to skip.</summary>
    public static bool IsFailure { get; } = Environment.GetEnvironmentVariable("CI") == "true";

    public static void ThrowIfFound()
    {
        if (Found is { } obstacle)
        {
            throw new InvalidOperationException($"{obstacle} CI=true makes that a failure.");
        }
    }

    // Tried and not deduced: a container can have the capability and a policy that forbids the call.
    private static string? Find()
    {
        try
        {
            using NetNamespace created = NetNamespace.Create();
            bool isAdmin = created.Run(0, static _ => Capabilities.HasNetAdmin);
            return isAdmin ? null : "Without CAP_NET_ADMIN there is no lab. " + Remedy;
        }
        catch (PosixException refused)
        {
            return $"No network namespace can be had ({refused.Message}) {Remedy}";
        }
    }
}
