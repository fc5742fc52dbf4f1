using System.Reflection;
using System.Runtime.CompilerServices;
using Mesh.Interop.Linux;
using Xunit;
using Xunit.v3;

namespace Mesh.Testing;

/// <summary>
/// A test that needs network namespaces of its own: it runs as root, or under <c>unshare -Urnm</c> with the loopback up. Where none can
/// be had it is skipped with the reason, and where CI=true it fails with it: a lab that did not run is not a pass.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class LabFactAttribute : FactAttribute, IBeforeAfterTestAttribute
{
    private const string Remedy = "Run as root, or under `unshare -Urnm` after `ip link set lo up`.";

    private static readonly Lazy<string?> s_obstacle = new(FindObstacle);
    private static readonly bool s_isRequired = Environment.GetEnvironmentVariable("CI") == "true";

    public LabFactAttribute([CallerFilePath] string? sourceFilePath = null, [CallerLineNumber] int sourceLineNumber = -1)
        : base(sourceFilePath, sourceLineNumber)
    {
        if (s_obstacle.Value is string obstacle && !s_isRequired)
        {
            Skip = obstacle;
        }
    }

    /// <summary>Fails the test where the lab is required and cannot be had.</summary>
    public void Before(MethodInfo methodUnderTest, IXunitTest test)
    {
        if (s_obstacle.Value is string obstacle)
        {
            throw new InvalidOperationException($"{obstacle} CI=true makes that a failure.");
        }
    }

    /// <summary>Nothing: a namespace ends with what holds it.</summary>
    public void After(MethodInfo methodUnderTest, IXunitTest test)
    {
    }

    // Tried and not deduced: a container can have the capability and a policy that forbids the call.
    private static string? FindObstacle()
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
