using Mesh.Node.Proxy.Succession;

namespace Mesh.Node.Proxy.Tests.Succession;

/// <summary>Ports that are open or not, and do not always do as they are told.</summary>
internal sealed class LentPorts : IPortLender
{
    private volatile bool _areOpen = true;
    private int _lendCalls;
    private int _takeBackCalls;

    public bool AreOpen => _areOpen;

    public int LendCalls => Volatile.Read(ref _lendCalls);

    public int TakeBackCalls => Volatile.Read(ref _takeBackCalls);

    /// <summary>How many calls fail, from the first.</summary>
    public int LendFailures { get; init; }

    /// <inheritdoc cref="LendFailures"/>
    public int TakeBackFailures { get; init; }

    public async Task LendAsync()
    {
        await Task.Yield();
        if (Interlocked.Increment(ref _lendCalls) <= LendFailures)
        {
            throw new IOException("the port does not close");
        }

        _areOpen = false;
    }

    public async Task TakeBackAsync()
    {
        await Task.Yield();
        if (Interlocked.Increment(ref _takeBackCalls) <= TakeBackFailures)
        {
            throw new IOException("the port is taken");
        }

        _areOpen = true;
    }
}
