using Tmds.Linux;

namespace Mesh.Interop.Linux;

/// <summary>Who opened the other end of a unix socket, as the kernel recorded it then (SO_PEERCRED, unix(7)).</summary>
/// <param name="ProcessId">0 when the process is outside our PID namespace.</param>
/// <param name="UserId">The effective user.</param>
/// <param name="GroupId">The effective group.</param>
public readonly record struct PeerCredentials(int ProcessId, uint UserId, uint GroupId)
{
    /// <summary>Whether it was this process's own effective user.</summary>
    public bool IsThisUser => UserId == (uint)LibC.geteuid();
}
