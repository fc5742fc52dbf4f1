using System.Reflection;
using System.Runtime.InteropServices;
using SharpFuzz.Common;

namespace Mesh.Fuzz;

/// <summary>
/// Which edges of the instrumented code one input ran through. There is one in a process: instrumented code knows only one.
/// </summary>
internal sealed class CoverageMap
{
    /// <summary>As many as the instrumentation numbers.</summary>
    private const int EdgeCount = 65_536;

    private readonly byte[] _hits = GC.AllocateArray<byte>(EdgeCount, pinned: true);

    private CoverageMap()
    {
    }

    /// <summary>Makes instrumented code count into a new map. The array is pinned for the life of the process.</summary>
    public static CoverageMap Attach()
    {
        var map = new CoverageMap();
        FieldInfo field = typeof(Trace).GetField(nameof(Trace.SharedMem))!;
        field.SetValue(null, GCHandle.Alloc(map._hits, GCHandleType.Pinned).AddrOfPinnedObject());
        return map;
    }

    public void BeginInput()
    {
        Array.Clear(_hits);
        Trace.PrevLocation = 0;
    }

    /// <summary>Notes every edge that ran.</summary>
    public void AddTo(FeatureSet features)
    {
        int at = 0;
        while (true)
        {
            int found = _hits.AsSpan(at).IndexOfAnyExcept((byte)0);
            if (found < 0)
            {
                return;
            }

            at += found;
            features.AddEdge(at, _hits[at]);
            at++;
        }
    }
}
