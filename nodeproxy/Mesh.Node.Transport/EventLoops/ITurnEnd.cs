namespace Mesh.Node.Transport.EventLoops;

/// <summary>Work gathered during a turn and done once at its end, such as writing many small frames in one record.</summary>
public interface ITurnEnd
{
    /// <summary>Runs on the loop thread, once for each <see cref="EventLoop.RunAtTurnEnd"/> that was accepted.</summary>
    void OnTurnEnd();
}
