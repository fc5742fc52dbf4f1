namespace Mesh.Node.Transport.EventLoops;

/// <summary>A piece of work that another thread hands to a loop.</summary>
public abstract class LoopWork
{
    /// <summary>Runs on the loop thread. An exception that escapes ends the process.</summary>
    public abstract void Run();
}

/// <summary>Wraps a delegate where a class of its own would say nothing more.</summary>
internal sealed class DelegateWork(Action body) : LoopWork
{
    public override void Run() => body();
}
