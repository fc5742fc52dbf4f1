using System.Text.Json.Nodes;
using Mesh.EndToEnd.Support;
using Xunit;

namespace Mesh.EndToEnd.Talks;

/// <summary>
/// The applications of two talks, with nothing in force about them but what the mesh does by itself. Their programs are servers that know
/// nothing of a mesh, in the pods of the lab.
/// </summary>
public sealed class TalkLab : TwoNodeLab
{
    private BoardsApplication? _boards;
    private ExpenseApplication? _expense;
    private Keycloak? _keycloak;

    internal BoardsApplication Boards => _boards ?? throw NotStarted;

    internal ExpenseApplication Expense => _expense ?? throw NotStarted;

    internal Keycloak Keycloak => _keycloak ?? throw NotStarted;

    /// <summary>Series of pods that one test deletes stay: the sums that another compares would shrink when they go.</summary>
    protected override JsonObject NodeConfiguration => new()
    {
        ["log"] = new JsonObject { ["requests"] = "json" },
        ["telemetry"] = new JsonObject { ["seriesRetentionMs"] = 86_400_000 },
    };

    private static InvalidOperationException NotStarted => new("The lab is started by the runner, before the first test.");

    /// <summary>A manifest of the second talk, as it stands among the golden files of the control plane.</summary>
    /// <param name="name">Its folder.</param>
    public static string Manifest(string name) =>
        File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Talks", name, "input.yaml"));

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        await Lab.ApplyAsync(BoardsApplication.Manifests);
        await Lab.ApplyAsync(ExpenseApplication.Manifests);
        _keycloak = await Keycloak.StartAsync(Lab);
        await ReadyAsync();
        _boards = await BoardsApplication.StartAsync(Lab);
        _expense = await ExpenseApplication.StartAsync(Lab);
        await SettleAsync();
    }

    public override async ValueTask DisposeAsync()
    {
        foreach (IAsyncDisposable? part in (IAsyncDisposable?[])[_boards, _expense, _keycloak])
        {
            await (part?.DisposeAsync() ?? ValueTask.CompletedTask);
        }

        await base.DisposeAsync();
    }
}

/// <summary>Classes that share one lab of <see cref="TalkLab"/>.</summary>
[CollectionDefinition(nameof(TalkGroup))]
public sealed class TalkGroup : ICollectionFixture<TalkLab>;
