namespace Mesh.Images;

/// <summary>The images cannot be built. The message says why, and what would help, in words for who called.</summary>
internal sealed class ImageException(string message, Exception? cause = null) : Exception(message, cause);
