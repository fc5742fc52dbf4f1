namespace Mesh.Images.Oci;

/// <summary>How an image is called and run.</summary>
/// <param name="Name">Its name, as manifests give it: without a place and without a tag.</param>
/// <param name="Version">Its tag.</param>
/// <param name="Description">In one sentence.</param>
/// <param name="Entrypoint">The executable and its first arguments.</param>
/// <param name="User">Numbers of user and group, `0:0` say: names could be looked up elsewhere.</param>
/// <param name="Environment">Variables, each `NAME=VALUE`.</param>
/// <param name="Revision">The commit it is built of; null when it is not known.</param>
/// <param name="Time">When that was.</param>
internal sealed record ImageSettings(
    string Name,
    string Version,
    string Description,
    IReadOnlyList<string> Entrypoint,
    string User,
    IReadOnlyList<string> Environment,
    string? Revision,
    DateTimeOffset Time);
