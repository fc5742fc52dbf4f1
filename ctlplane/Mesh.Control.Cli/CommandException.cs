namespace Mesh.Control.Cli;

/// <summary>What was asked cannot be done, and the message says why. Ends the command.</summary>
internal sealed class CommandException(string message) : Exception(message);
