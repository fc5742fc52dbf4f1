namespace Mesh.Node.Capture.Rules;

/// <summary>Where a back-end can answer a packet with a reset.</summary>
internal enum RefusalPlace
{
    /// <summary>In every chain: what nobody takes is refused by the rule after the one that could not deliver it.</summary>
    Anywhere,

    /// <summary>Not before INPUT: what nobody takes is marked (<see cref="CaptureMarks.Refuse"/>) and refused there.</summary>
    Input,
}
