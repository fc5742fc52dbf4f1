using Mesh.Node.Transport.Tests.Children;
using Xunit.MicrosoftTestingPlatform;

namespace Mesh.Node.Transport.Tests;

/// <summary>Runs the tests, or, as a child of one of them, a single <see cref="Scenarios">scenario</see>.</summary>
internal static class Program
{
    public static async Task<int> Main(string[] args)
    {
        if (args is [ChildProcess.Command, string scenario])
        {
            await Scenarios.RunAsync(scenario);
            return 0;
        }

        return await TestPlatformTestFramework.RunAsync(args, SelfRegisteredExtensions.AddSelfRegisteredExtensions);
    }
}
