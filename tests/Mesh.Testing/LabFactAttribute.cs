using System.Reflection;
using System.Runtime.CompilerServices;
using Xunit;
using Xunit.v3;

namespace Mesh.Testing;

/// <summary>
/// A test that needs network namespaces of its own: it runs as root, or under <c>unshare -Urnm</c> with the loopback up. Where none can
/// be had it is
/// skipped with the reason, and where CI=true it fails with it: a lab that did not run is not a pass.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class LabFactAttribute : FactAttribute, IBeforeAfterTestAttribute
{
    public LabFactAttribute([CallerFilePath] string? sourceFilePath = null, [CallerLineNumber] int sourceLineNumber = -1)
        : base(sourceFilePath, sourceLineNumber)
    {
        if (!LabObstacle.IsFailure)
        {
            Skip = LabObstacle.Found;
        }
    }

    /// <summary>Fails the test where the lab is required and cannot be had.</summary>
    public void Before(MethodInfo methodUnderTest, IXunitTest test) => LabObstacle.ThrowIfFound();

    /// <summary>Nothing: a namespace ends with what holds it.</summary>
    public void After(MethodInfo methodUnderTest, IXunitTest test)
    {
    }
}
