using System.Reflection;
using System.Runtime.CompilerServices;
using Xunit;
using Xunit.v3;

namespace Mesh.Testing;

/// <summary>A <see cref="LabFactAttribute"/> with data.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class LabTheoryAttribute : TheoryAttribute, IBeforeAfterTestAttribute
{
    public LabTheoryAttribute([CallerFilePath] string? sourceFilePath = null, [CallerLineNumber] int sourceLineNumber = -1)
        : base(sourceFilePath, sourceLineNumber)
    {
        if (!LabObstacle.IsFailure)
        {
            Skip = LabObstacle.Found;
        }
    }

    /// <inheritdoc cref="LabFactAttribute.Before"/>
    public void Before(MethodInfo methodUnderTest, IXunitTest test) => LabObstacle.ThrowIfFound();

    /// <inheritdoc cref="LabFactAttribute.After"/>
    public void After(MethodInfo methodUnderTest, IXunitTest test)
    {
    }
}
