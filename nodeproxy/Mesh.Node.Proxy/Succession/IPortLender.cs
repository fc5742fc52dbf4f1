namespace Mesh.Node.Proxy.Succession;

/// <summary>The admin ports of this process, which the next one wants. Any thread, one call at a time.</summary>
public interface IPortLender
{
    /// <summary>Closes them; done when they are. Nothing happens when they are closed.</summary>
    Task LendAsync();

    /// <summary>Opens them again; done when they are served. Nothing happens when they are open.</summary>
    /// <exception cref="IOException">One is taken; the message names it. All are closed then.</exception>
    Task TakeBackAsync();
}
