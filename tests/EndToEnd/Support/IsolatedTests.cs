using Mesh.Lab;
using Mesh.Lab.Manifests;
using Xunit;

namespace Mesh.EndToEnd.Support;

/// <summary>
/// Tests that share a lab and leave no trace in it for each other: what a test applies is gone when it ends, and logs of before are not
/// looked at.
/// </summary>
public abstract class IsolatedTests(TwoNodeLab fixture) : IAsyncLifetime
{
    private readonly List<ObjectKey> _applied = [];

    protected TwoNodeLab Fixture { get; } = fixture;

    protected MeshLab Lab => Fixture.Lab;

    public virtual async ValueTask InitializeAsync() => await Fixture.ForgetLogsAsync();

    public virtual async ValueTask DisposeAsync()
    {
        await WithdrawAsync();
        GC.SuppressFinalize(this);
    }

    /// <summary>Deletes what the test has applied, and returns when every proxy acts on that.</summary>
    protected async Task WithdrawAsync()
    {
        if (_applied.Count == 0)
        {
            return;
        }

        // The last first: a pod goes after the policy that is about it.
        foreach (ObjectKey key in _applied.AsEnumerable().Reverse())
        {
            await Lab.DeleteAsync(key.Kind, key.QualifiedName);
        }

        _applied.Clear();
        await Fixture.SettleAsync();
    }

    /// <summary>Creates or changes objects for as long as the test runs, without waiting for the mesh.</summary>
    protected async Task ApplyAsync(string yaml)
    {
        foreach (ObjectKey key in await Lab.ApplyAsync(yaml))
        {
            if (!_applied.Contains(key))
            {
                _applied.Add(key);
            }
        }
    }

    /// <summary>The same, and returns when every proxy acts on it.</summary>
    protected async Task EstablishAsync(string yaml)
    {
        await ApplyAsync(yaml);
        await Fixture.SettleAsync();
    }

    /// <summary>Deletes one object the test has applied, and returns when every proxy acts on that.</summary>
    protected async Task WithdrawAsync(string kind, string name)
    {
        await Lab.DeleteAsync(kind, name);
        _applied.RemoveAll(key => key.Kind == kind && key.QualifiedName == name);
        await Fixture.SettleAsync();
    }

    /// <summary>A pod that is there for as long as the test runs, on the first node unless said otherwise.</summary>
    /// <param name="name">NAMESPACE/NAME.</param>
    protected async Task<LabPod> AddPodAsync(string name, string account, int node = 1, string labels = "")
    {
        await ApplyAsync(TwoNodeLab.Pod(name, node, account, labels));
        await Fixture.ReadyAsync();
        await Fixture.SettleAsync();
        return await Lab.PodAsync(name);
    }
}
