namespace Mesh.Bench.Load.Topology;

/// <summary>Programs that were started together and end together.</summary>
internal sealed class ProgramList : IAsyncDisposable
{
    private readonly List<PeerProgram> _programs = [];

    public PeerProgram Add(PeerProgram program)
    {
        _programs.Add(program);
        return program;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (PeerProgram program in _programs)
        {
            await program.DisposeAsync();
        }
    }
}
