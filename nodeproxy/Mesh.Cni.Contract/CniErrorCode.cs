namespace Mesh.Cni.Contract;

/// <summary>The codes of CNI error objects that we use, from the CNI specification 1.1.0, section "Error".</summary>
public static class CniErrorCode
{
    /// <summary>No error. The specification has no code for it; ours in an <see cref="CniAnswer"/>.</summary>
    public const int None = 0;

    /// <summary>The version of the configuration is none of ours.</summary>
    public const int IncompatibleVersion = 1;

    /// <summary>A container, or its network namespace, is not there.</summary>
    public const int ContainerUnknown = 3;

    /// <summary>An environment variable is missing or wrong; the message names it.</summary>
    public const int InvalidEnvironment = 4;

    /// <summary>The standard input or the agent's socket failed.</summary>
    public const int InputOutput = 5;

    /// <summary>What was read is not what it must be: no JSON, too long, the wrong shape.</summary>
    public const int Undecodable = 6;

    /// <summary>The network configuration says something that cannot be done.</summary>
    public const int InvalidConfiguration = 7;

    /// <summary>Nothing is wrong with the request; the kubelet asks again by itself.</summary>
    public const int TryAgainLater = 11;

    /// <summary>STATUS: pods cannot be added.</summary>
    public const int NotAvailable = 50;

    /// <summary>STATUS: pods cannot be added, and those that are there may be without connections.</summary>
    public const int NotAvailableLimited = 51;

    /// <summary>The first code that is a plugin's own: a pod cannot be captured, and something has to be done about it.</summary>
    public const int CaptureFailed = 100;

    /// <summary>A fault of ours.</summary>
    public const int Internal = 101;
}
