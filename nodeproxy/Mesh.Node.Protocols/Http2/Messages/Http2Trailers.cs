using Mesh.Node.Protocols.Http;

namespace Mesh.Node.Protocols.Http2.Messages;

/// <summary>Trailers from either version as HTTP/2 may carry them on.</summary>
public static class Http2Trailers
{
    /// <summary>Copies trailers, without those that mean nothing there (RFC 9110 §6.5.1).</summary>
    /// <param name="trailers">As they were received.</param>
    /// <param name="block">Cleared and filled.</param>
    public static void Write(HeaderList trailers, HeaderList block)
    {
        ArgumentNullException.ThrowIfNull(trailers);
        ArgumentNullException.ThrowIfNull(block);
        block.Clear();
        for (int i = 0; i < trailers.Count; i++)
        {
            HeaderField field = trailers[i];
            if (!TrailerRules.IsForbidden(field.Name) && !TrailerRules.IsDropped(field.Name))
            {
                block.Add(field.Name, field.Value, field.NeverIndex);
            }
        }
    }
}
