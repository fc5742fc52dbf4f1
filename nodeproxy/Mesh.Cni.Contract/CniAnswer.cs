namespace Mesh.Cni.Contract;

/// <summary>What the agent answers.</summary>
public sealed class CniAnswer
{
    /// <summary>It is done.</summary>
    public static CniAnswer Success { get; } = new() { Version = CniMessages.Version, Code = CniErrorCode.None };

    /// <summary>The version of these messages.</summary>
    public required int Version { get; init; }

    /// <summary>One of <see cref="CniErrorCode"/>.</summary>
    public required int Code { get; init; }

    /// <summary>What is wrong, in a sentence; empty on success.</summary>
    public string Message { get; set; } = "";

    /// <summary>More about it; may be empty.</summary>
    public string Details { get; set; } = "";

    /// <summary>It is not done.</summary>
    public static CniAnswer Failure(int code, string message, string details = "") => new()
    {
        Version = CniMessages.Version,
        Code = code,
        Message = message,
        Details = details,
    };
}
