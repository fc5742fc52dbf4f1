using System.Text.Json.Nodes;

namespace Mesh.EndToEnd.Support;

/// <summary>A lab whose proxies wait less for clients than users' do, for tests of what becomes of clients that are waited for.</summary>
public sealed class ShortTimesLab : TwoNodeLab
{
    /// <summary>How long a request's head may take, in milliseconds.</summary>
    public const int HeadTimeMs = 3_000;

    /// <summary>How long the client of a port that declares nothing is waited for, in milliseconds.</summary>
    public const int DetectionTimeMs = 4_000;

    protected override JsonObject NodeConfiguration => new()
    {
        ["proxy"] = new JsonObject { ["httpHeadTimeoutMs"] = HeadTimeMs, ["protocolDetectionTimeoutMs"] = DetectionTimeMs },
    };
}

/// <summary>Classes that share one lab of <see cref="ShortTimesLab"/>.</summary>
[Xunit.CollectionDefinition(nameof(ShortTimesGroup))]
public sealed class ShortTimesGroup : Xunit.ICollectionFixture<ShortTimesLab>;
