namespace Mesh.Node.Capture.Rules;

/// <summary>A namespace's stay in the mesh, as its rules express it.</summary>
public enum CaptureStage
{
    /// <summary>
    /// New connections are captured, and answered with a reset because no proxy listens; open ones go on while the proxy keeps them.
    /// Needed where TPROXY drops what nobody takes (iptables); elsewhere the rules of <see cref="Capturing"/> refuse by themselves.
    /// </summary>
    Refusing,

    /// <summary>New connections are captured.</summary>
    Capturing,

    /// <summary>New connections are left alone; captured ones are still delivered to the proxy until it has drained.</summary>
    Draining,
}
