using System.Runtime.InteropServices;

namespace Mesh.Interop.Linux;

/// <summary>A system call failed where no caller could go on: the machine is out of something, or we made a mistake.</summary>
public sealed class PosixException : Exception
{
    /// <summary>An error with the operation it ended.</summary>
    /// <param name="error">The errno as captured at the call.</param>
    /// <param name="operation">What was attempted, without a full stop: "bind 10.0.0.1:15001".</param>
    public PosixException(Errno error, string operation)
        : base($"{operation}: {error} ({Marshal.GetPInvokeErrorMessage((int)error)}).")
    {
        Error = error;
        Operation = operation;
    }

    /// <summary>The errno.</summary>
    public Errno Error { get; }

    /// <summary>What was attempted.</summary>
    public string Operation { get; }
}
