using System.Text.Json.Nodes;
using Mesh.Cni.Contract;

namespace Mesh.Cni;

/// <summary>The versions of the CNI specification that are spoken, and which command came with which. Pure.</summary>
internal static class CniVersions
{
    /// <summary>The newest.</summary>
    public const string Newest = "1.1.0";

    /// <summary>All, oldest first.</summary>
    public static IReadOnlyList<string> Supported { get; } = ["0.3.0", "0.3.1", "0.4.0", "1.0.0", Newest];

    /// <summary>How new a version is, or -1 for one that is not spoken.</summary>
    public static int RankOf(string version) => Supported.ToList().IndexOf(version);

    /// <exception cref="CniException">The version is not spoken.</exception>
    public static void Require(string version)
    {
        if (RankOf(version) < 0)
        {
            throw new CniException(
                CniErrorCode.IncompatibleVersion,
                $"The configuration is of CNI version {version}, which mesh-cni does not speak.",
                $"It speaks {string.Join(", ", Supported)}.");
        }
    }

    /// <exception cref="CniException">The command is newer than the version.</exception>
    public static void RequireFor(string command, string version, string since)
    {
        if (RankOf(version) < RankOf(since))
        {
            throw new CniException(
                CniErrorCode.IncompatibleVersion,
                $"CNI version {version} has no {command}.",
                $"It came with {since}; the configuration says {version}.");
        }
    }

    /// <summary>What VERSION answers: the version it was asked in, where that is one of ours.</summary>
    public static string Answer(string? asked) => new JsonObject
    {
        ["cniVersion"] = asked is not null && RankOf(asked) >= 0 ? asked : Newest,
        ["supportedVersions"] = new JsonArray([.. Supported.Select(version => (JsonNode)version)]),
    }.ToJsonString();
}
