using Mesh.Bench.Load.Topology;

namespace Mesh.Bench.Load.Reporting;

/// <summary>What a packet of each side passes: without it no ratio can be judged.</summary>
internal static class PathReport
{
    public static void Write(TextWriter output, Contest contest)
    {
        foreach (Contender side in contest.Sides)
        {
            output.WriteLine($"  {side.Name,-20} {side.PacketPath}");
        }
    }
}
